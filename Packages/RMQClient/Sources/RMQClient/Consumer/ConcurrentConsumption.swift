import RMQCommon

/// Handlers side by side: a worker for each of the `maxConcurrency` places, whose handler runs in the worker's task.
struct ConcurrentConsumption: Consumption {
    enum Handler: Sendable {
        case each(@Sendable (StoredMessage) async throws -> ConsumeResult)
        case batch(@Sendable ([StoredMessage]) async throws -> BatchConsumeResult)
    }

    let consumer: PushConsumer
    let handler: Handler

    /// - Parameter handler: interceptors and the trace are put around it.
    init(_ consumer: PushConsumer, _ handler: Handler) {
        self.consumer = consumer
        self.handler = handler.traced(by: consumer.core, group: consumer.group, limit: consumer.configuration.consumeTimeout).intercepted(by: consumer.configuration.interceptors)
    }

    func run() async {
        await withDiscardingTaskGroup { workers in
            for _ in 0..<consumer.configuration.maxConcurrency {
                workers.addTask {
                    guard await consumer.places.acquire() else { return }
                    await work()
                    consumer.places.release()
                }
            }
        }
    }

    func take(_ assigned: AssignedQueue) {}

    private func work() async {
        while let work = await consumer.inbox.next() {
            switch work {
            case .run(let run):
                switch handler {
                case .each(let handler): await handleEach(of: run, handler)
                case .batch(let handler): await handleBatches(of: run, handler)
                }
            case .again(let run, let index):
                await handleAgain(run, index)
            }
        }
    }

    // MARK: One message a call

    /// Handles messages of a run until none is left. Between two messages there is neither a lock nor a switch of tasks.
    private func handleEach(of run: PulledRun, _ handler: @Sendable (StoredMessage) async throws -> ConsumeResult) async {
        var tally = ConsumeTally(of: run.queue)
        while let index = run.claim(atMost: 1)?.lowerBound {
            consumer.inbox.callHelp(beside: run)
            let mark = run.handOut(index, now: stamp(run))
            let result: ConsumeResult
            do {
                result = try await handler(run.messages[index])
            } catch {
                result = failed(run.messages[index], error)
            }
            if let level = result.returnLevel {
                tally.add(failed: 1)
                tally.pause()
                await consumer.giveBack(run, index, mark, level: level)
                tally.resume()
            } else {
                tally.add(succeeded: 1)
                run.settle(index, mark)
            }
        }
        tell(&tally)
    }

    private func tell(_ tally: inout ConsumeTally) {
        let (count, time) = tally.tell()
        if count > 0 { consumer.inbox.noteHandlers(count, took: time) }
    }

    // MARK: Batches

    private func handleBatches(of run: PulledRun, _ handler: @Sendable ([StoredMessage]) async throws -> BatchConsumeResult) async {
        var tally = ConsumeTally(of: run.queue)
        while let range = run.claim(atMost: consumer.configuration.batchSize) {
            consumer.inbox.callHelp(beside: run)
            let now = stamp(run)
            let marks = range.map { (index: $0, mark: run.handOut($0, now: now)) }
            // A batch that is a whole run is handed over as it is.
            let messages = range.count == run.messages.count ? run.messages : Array(run.messages[range])
            let result = await decision(about: messages) { try await handler(messages) }
            await carryOut(result, run, marks, &tally)
        }
        tell(&tally)
    }

    private func decision(
        about messages: [StoredMessage], _ decide: () async throws -> BatchConsumeResult
    ) async -> BatchConsumeResult {
        do {
            return try await decide()
        } catch {
            return BatchConsumeResult(acknowledged: 0, rest: failed(messages[0], error))
        }
    }

    private func carryOut(
        _ result: BatchConsumeResult, _ run: PulledRun, _ batch: [(index: Int, mark: MessageMark)], _ tally: inout ConsumeTally
    ) async {
        let done = min(result.acknowledged, batch.count)
        tally.add(succeeded: done, failed: batch.count - done)
        for (index, mark) in batch[..<done] { run.settle(index, mark) }
        guard done < batch.count, let level = result.rest.returnLevel else { return }
        tally.pause()
        defer { tally.resume() }
        // Side by side: a broker that does not answer costs one time-out and not one a message.
        await withDiscardingTaskGroup { tasks in
            for (index, mark) in batch[done...] { tasks.addTask { await consumer.giveBack(run, index, mark, level: level) } }
        }
    }

    // MARK: What could not be sent back

    private func handleAgain(_ run: PulledRun, _ index: Int) async {
        consumer.inbox.callHelp()
        guard !run.queue.isDropped else { return }
        var tally = ConsumeTally(of: run.queue)
        let attempt = run.mark(of: index).attempt
        let mark = run.handOut(index, attempt: attempt, now: stamp(run))
        let message = run.message(index, attempt: attempt)
        let result = await decision(about: [message]) {
            switch handler {
            case .each(let handler): try await handler(message).asBatch
            case .batch(let handler): try await handler([message])
            }
        }
        await carryOut(result, run, [(index, mark)], &tally)
        tally.tell()
    }

    private func stamp(_ run: PulledRun) -> Int64 {
        let now = CoarseClock.milliseconds()
        run.queue.handedOut(now: now)
        return now
    }

    private func failed(_ message: StoredMessage, _ error: any Error) -> ConsumeResult {
        consumer.core.logger.warning("handler of group \(consumer.group) failed for message \(message.messageId): \(error)")
        return .retry
    }

    // MARK: Out of turn

    func handleDirectly(_ message: StoredMessage) async throws -> String {
        let result: ConsumeResult
        switch handler {
        case .each(let handler): result = try await handler(message)
        case .batch(let handler):
            let decided = try await handler([message])
            result = decided.acknowledged > 0 ? .success : decided.rest
        }
        return result.returnLevel == nil ? "CR_SUCCESS" : "CR_LATER"
    }
}

extension ConsumeResult {
    fileprivate var asBatch: BatchConsumeResult { BatchConsumeResult(acknowledged: returnLevel == nil ? 1 : 0, rest: self) }
}

extension ConcurrentConsumption.Handler {
    fileprivate func intercepted(by interceptors: [any ConsumeInterceptor]) -> Self {
        guard !interceptors.isEmpty else { return self }
        let chain = InterceptorChain(interceptors: interceptors)
        switch self {
        case .each(let handler):
            return .each { message in
                try await chain.run([message], settled: .success) { messages in
                    var result = ConsumeResult.success
                    for message in messages where result.returnLevel == nil { result = try await handler(message) }
                    return result
                }
            }
        case .batch(let handler):
            return .batch { messages in try await chain.run(messages, settled: .success, handler) }
        }
    }
}
