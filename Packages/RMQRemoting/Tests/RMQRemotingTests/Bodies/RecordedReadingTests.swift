import RMQCommon
import Testing

@testable import RMQRemoting

/// Headers and bodies with values that nobody should send, and what the reference read in them.
struct RecordedReadingTests {
    @Test(arguments: RecordedMember.all) func valuesAreReadAsTheReferenceReadsThem(member: RecordedMember) throws {
        for reading in member.readings {
            let document = reading.value == "missing" ? member.documentWithout : member.document(with: reading.value)
            let ours = try? member.read(document)
            let theirs = reading.result == "refused" ? nil : try member.read(member.document(with: reading.result))
            guard ours != theirs else { continue }
            print("DIFF\t\(member.body)\t\(member.path)\t\(reading.value)\t\(reading.result)\t\(ours?.text() ?? "refused")")
        }
    }
}
