import RMQCommon

extension Check {
    /// Most causes that are told, so that they fit on a screen.
    private static let causeLimit = 10
    /// Most questions that are named for each cause: a broker that is down can leave thousands without an answer.
    private static let namedLimit = 3

    /// Without it the other checks would call well what they could not see.
    static let unanswered = Check(name: "everything could be asked") { picture in
        let causes = Dictionary(grouping: picture.unanswered) { ByteText(FailureText($0.error).detail) }
            .sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        let advice = "the other checks know nothing of this; remove the cause and run doctor again"
        var findings: [Finding] = causes.prefix(causeLimit).map { cause, questions in
            let named = questions.prefix(namedLimit).map(\.question).joined(separator: ", ")
            let others = questions.count > namedLimit ? " and \(questions.count - namedLimit) more" : ""
            return .warning("\(questions.count) question(s)", "could not be asked: \(cause) (\(named)\(others))", advice)
        }
        if causes.count > causeLimit {
            let others = causes.dropFirst(causeLimit).reduce(0) { $0 + $1.value.count }
            findings.append(.warning("\(others) question(s)", "could not be asked for \(causes.count - causeLimit) other reasons", advice))
        }
        return findings
    }
}
