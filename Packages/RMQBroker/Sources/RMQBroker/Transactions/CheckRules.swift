import RMQCommon

/// What is done with a half message that nobody has committed or rolled back.
enum HalfVerdict: Equatable {
    /// Its producer may still be at work; so may those of all that were stored after it.
    case isYoung
    /// It is stored once more, behind the others, without a question.
    case isImmune
    /// It is stored once more, and its producer is asked.
    case ask(times: Int32)
    case giveUp(GiveUpReason)
}

enum GiveUpReason: Equatable {
    case askedTooOften
    /// The log will not keep it any longer.
    case expired
}

/// When a producer is asked what became of its transaction. Values in, a verdict out.
///
/// A half message that is stored for the first time has its age from the broker's clock alone: by a producer's clock that is behind, it
/// would be old when it comes, and the producer be asked in the middle of its transaction.
struct CheckRules {
    /// In milliseconds since 1970.
    var now: Int64
    /// `transactionTimeOut`, in milliseconds.
    var timeout: Int64
    /// `transactionCheckMax`.
    var mostChecks: Int32
    /// `fileReservedTime`, in milliseconds.
    var mostAge: Int64

    func verdict(_ half: HalfMessage) -> HalfVerdict {
        if half.checkTimes >= mostChecks { return .giveUp(.askedTooOften) }
        if age(half.fields.storeTimestamp) > mostAge { return .giveUp(.expired) }
        let age = age(half.isCopy ? half.fields.bornTimestamp : half.fields.storeTimestamp)
        if let immunity = half.immunityMilliseconds {
            // Each copy is stored anew, so nothing but this ends an immunity that has no end.
            if age < min(immunity, mostAge) { return .isImmune }
        } else if half.checkTimes == 0, (0..<timeout).contains(age) {
            return .isYoung
        }
        return .ask(times: half.checkTimes + 1)
    }

    /// Any number may stand for the time of birth.
    private func age(_ time: Int64) -> Int64 {
        let (age, overflows) = now.subtractingReportingOverflow(time)
        return overflows ? (time < 0 ? .max : .min) : age
    }
}
