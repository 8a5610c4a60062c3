import Foundation
import RMQClient
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct ReadmeTests {
    private static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// `main.swift` and `Package.swift` of the readme are built by Tests/Workspace/depend-by-version.
    @Test func theReadmeShowsWhatCompiles() throws {
        let readme = try String(contentsOf: Self.package.appending(path: "README.md"), encoding: .utf8)
        let compiled = try String(contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "ReadmeExamples.swift"), encoding: .utf8)
        let blocks = readme.components(separatedBy: "```swift\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
        let functions = blocks.filter { $0.hasPrefix("func ") }
        #expect(functions.count >= 5)
        #expect(blocks.count == functions.count + 2)
        for function in functions { #expect(compiled.contains(function), "not in ReadmeExamples.swift:\n\(function)") }
    }

    @Test func theArticlesShowWhatCompiles() throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent()
        let files = try FileManager.default.contentsOfDirectory(at: tests, includingPropertiesForKeys: nil).filter { $0.lastPathComponent.hasPrefix("ArticleExamples") }
        let compiled = try files.map { try String(contentsOf: $0, encoding: .utf8) }.joined(separator: "\n")
        let known = Set(compiled.components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) })
        let articles = try FileManager.default.contentsOfDirectory(at: Self.package.appending(path: "Documentation.docc"), includingPropertiesForKeys: nil)
        var lines = 0
        for article in articles {
            let text = try String(contentsOf: article, encoding: .utf8)
            for block in text.components(separatedBy: "```swift\n").dropFirst().map({ $0.components(separatedBy: "```")[0] }) {
                for line in block.components(separatedBy: "\n").map({ $0.trimmingCharacters(in: .whitespaces) }) {
                    lines += 1
                    #expect(known.contains(line), "\(article.lastPathComponent) has a line that is not in ArticleExamples*.swift:\n\(line)")
                }
            }
        }
        #expect(lines > 30)
    }

    @Test func theExamplesDoWhatTheySay() async throws {
        try await withFakeCluster(topics: ["Orders": 2, "Audit": 2, "Metrics": 2]) { _, command in
            // The fake broker takes no batches by itself.
            let stored = SendMessageResponseHeader {
                $0.messageId = "0A,0B,0C"
                $0.queueId = 0
                $0.queueOffset = 0
            }
            return command.requestCode == .sendBatchMessage ? .answer(.response(.success, header: stored)) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                try await produce(client)
                try await eventually("the one-way message") { cluster.asked(.sendMessageV2).count == 4 }
                #expect(cluster.asked(.sendBatchMessage).count == 1)
                let serving = Task { try await serve(client) { try? await eventually("it consumes") { cluster.asked(.pullMessage).count > 2 } } }
                try await serving.value
            }
            #expect(cluster.asked(.unregisterClient).count == 2)
        }
    }
}
