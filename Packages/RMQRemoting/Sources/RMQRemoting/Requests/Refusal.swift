public import RMQCommon

/// A request that ends with this code and remark instead of what was asked for.
public struct Refusal: Error, Equatable {
    /// What programs read.
    public let code: ResponseCode
    /// What happened, the value, what is allowed: people read it.
    public let remark: String

    /// Thrown by whatever handles or checks a request.
    public init(_ code: ResponseCode, _ remark: String) {
        self.code = code
        self.remark = remark
    }
}

extension Refusal {
    /// What a request gets when too much waits.
    /// - Parameter what: what waits for what, such as `1000 requests or 64 MiB wait for the worker threads, the limit`.
    public static func overloaded(_ what: String) -> Refusal { Refusal(.systemBusy, "[OVERLOAD]\(what); try again later") }

    /// What a request gets for which `pool` has no place.
    public static func overloaded(_ pool: WorkerPool) -> Refusal {
        .overloaded("\(pool.limits) wait for the \(pool.name) threads, the limit")
    }
}

extension RemotingCommand {
    /// The answer to a request that failed: a ``Refusal`` as it says, anything else as a system error.
    public static func response(to failure: any Error) -> RemotingCommand {
        if let refusal = failure as? Refusal { return .response(refusal.code, remark: refusal.remark) }
        return .response(.systemError, remark: "\(failure)")
    }
}
