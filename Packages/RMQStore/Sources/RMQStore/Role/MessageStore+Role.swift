import RMQCommon
import Synchronization

/// Who writes the log, which may change while the store runs.
///
///                 ┌───────────────────────── becomeMaster ─────────────────────────┐
///                 │  a record cut at the end goes · all that was received whole is  │
///                 │  readable · queue offsets and delayed delivery go on            ▼
///              replica: raw bytes at the log's end                           master: messages
///                 ▲                                                                │
///                 └───────────────────────── becomeReplica ────────────────────────┘
///                    delayed delivery ends · sends are refused, staged ones too
///
/// A directory says nothing of the role: what either leaves opens as either.
extension MessageStore {
    /// Who writes the log now. The configuration says who did when the store was opened.
    public var role: StoreRole { flags.current.contains(.replica) ? .replica : .master }

    /// Raised when this store stops or begins to be the one that writes the log, and when the log is cut: what was appended in an earlier epoch
    /// may be gone, and other bytes be at its place. How far the log is kept says something of a message only while this is the
    /// message's own epoch; whoever compares reads the epoch last.
    public var epoch: Int64 { epochs.load(ordering: .acquiring) }

    /// Begins to take messages. What the old master sent counts as confirmed, as when the store is opened: whoever calls this has
    /// made sure that nothing confirmed is missing. A master stays as it is.
    ///
    /// Blocks while what was received last becomes durable (under synchronous flush) and readable.
    /// - Parameter requiredReplicas: how many replicas must have a message from here on before it is confirmed; nil: as many as before.
    /// - Throws: when that fails, or delayed messages cannot be delivered (their file, their thread): the store is a replica as
    ///   before, and has taken no message meanwhile.
    public func becomeMaster(requiredReplicas: Int? = nil) throws(StoreError) {
        try whileRunning { () throws(StoreError) in
            guard role == .replica else { return }
            if let flushFailure { throw flushFailure }
            let end = appendLock.withLock { state in
                flags.set(.changesRole)
                return state.receivedEnd
            }
            do throws(StoreError) {
                try endLog(behindWholeRecord: end)
                try publishReceived(requiredReplicas: requiredReplicas ?? replicas.required)
                if configuration.deliversDelayedMessages { try startDelayedDelivery(behind: beginMaster) } else { beginMaster() }
            } catch {
                flags.clear(.changesRole)
                throw error
            }
            logger.info("the store is a master from \(log.maxOffset) on")
        }
    }

    /// Takes no more messages, but raw bytes from exactly the log's end on. What is readable stays so; what was appended and is not
    /// confirmed becomes readable when a master goes on behind it, and goes with ``truncate(to:)`` when it does not. A replica
    /// stays as it is.
    public func becomeReplica() throws(StoreError) {
        try whileRunning { () throws(StoreError) in
            guard role == .master else { return }
            stopDelayedDelivery()
            beginReplica()
            logger.info("the store is a replica from \(log.maxOffset) on")
            leaveDelayedDelivery()
        }
    }

    // MARK: Steps

    /// Drops the part of a record that the old master did not send the rest of.
    private func endLog(behindWholeRecord end: Int64) throws(StoreError) {
        guard end < log.maxOffset else { return }
        let segmentBytes = Int64(configuration.segmentBytes)
        if let (segment, position) = log.range(at: end, count: MessageRecord.fillerByteCount),
            case .filler = RecordCheck.check(segment, at: position, verifiesBody: false)
        {
            // The rest of the segment is zeros, here as there.
            appendLock.withLock { state in
                log.publish(segment.baseOffset + segmentBytes, state)
                state.receivedEnd = log.maxOffset
                placeWriter(&state)
            }
        } else {
            try truncate(to: end)
        }
    }

    /// Confirms and makes readable all of the log.
    private func publishReceived(requiredReplicas: Int) throws(StoreError) {
        let end = log.maxOffset
        if flushesSynchronously { try syncLog(to: end) }
        replicas.begin(at: end, required: requiredReplicas)
        try dispatch(below: end)
        // What could not be written to the queues is there now.
        flags.clear(.queueError)
    }

    private func beginMaster() {
        dispatcher.state.withLock { _ in
            appendLock.withLock { state in
                assert(dispatchedOffset == log.maxOffset, "appends publish from here on")
                // One that began again with offset 0 counts from there.
                for queue in queues.all { queue.resumeAssigning(state) }
                progress.setPublishesAtAppend(configuration.mastersPublishAtAppend(requiredReplicas: replicas.required), state)
                // What was read of the log meanwhile is read again, and replicas that follow this one hear of the new master.
                raiseEpoch(state)
                flags.clear([.replica, .changesRole])
            }
        }
        growth.rolesChanged()
    }

    private func beginReplica() {
        dispatcher.state.withLock { _ in
            appendLock.withLock { state in
                flags.set(.replica)
                raiseEpoch(state)
                let end = log.maxOffset
                state.receivedEnd = end
                progress.setPublishesAtAppend(false, state)
            }
        }
        replicas.forgetAll()
        endWaiting()
    }

    /// From here on nothing of what was appended before is confirmed. In front of whatever may come to its place.
    func raiseEpoch(_ held: borrowing AppendState) { epochs.add(1, ordering: .releasing) }

    /// The epoch was raised: whoever waits is told, without the append lock.
    func endWaiting() {
        commit.confirmationMoved()
        growth.rolesChanged()
    }
}
