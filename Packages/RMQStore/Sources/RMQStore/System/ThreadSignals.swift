import RMQCommon

/// What a store thread sleeps for.
struct ThreadSignals {
    var hasWork = false
    /// The pause that the thread makes, or will make next, is cut short.
    var isHurried = false
    var isStopping = false
}

extension Monitor where State == ThreadSignals {
    /// Wakes the thread, unless it has been told already.
    func announce() {
        let isNews = withLock { signals in
            defer { signals.hasWork = true }
            return !signals.hasWork
        }
        if isNews { change { _ in } }
    }

    /// Sleeps until there is work, or for `timeout`; false when the thread is to end.
    func waitForWork(timeout: Duration? = nil) -> Bool {
        let isStopping = wait(timeout: timeout) { signals -> Bool? in
            if signals.isStopping { return true }
            guard signals.hasWork else { return nil }
            signals.hasWork = false
            return false
        }
        return isStopping != true
    }

    /// Sleeps for `duration`, or less when the pause is cut short; false when the thread is to end.
    func pause(for duration: Duration) -> Bool {
        let isStopping = wait(timeout: duration) { signals -> Bool? in
            if signals.isStopping { return true }
            guard signals.isHurried else { return nil }
            signals.isHurried = false
            return false
        }
        return isStopping != true
    }

    /// Ends the thread and waits for that.
    func stop(_ thread: SystemThread) {
        change { $0.isStopping = true }
        thread.join()
    }
}
