import RMQRemoting

/// The event loops with what each of them keeps of the broker.
final class LoopService: Service {
    private let group: EventLoopGroup
    private let broker: BrokerState

    init(_ group: EventLoopGroup, _ broker: BrokerState) {
        self.group = group
        self.broker = broker
    }

    func start() {
        broker.loops.all = group.loops.enumerated().map { index, loop in
            LoopBound(LoopState(index: index, loop: loop, broker: broker), loop: loop)
        }
        for bound in broker.loops.all { bound.post { $0.loop.add($0) } }
    }

    func stop() {
        group.stop()
        broker.loops.all = []
    }
}
