/// A transport that keeps nothing from one write to the next: while the channel lends its socket, other threads may write, one at a time
/// and beside a read of the loop. A write that failed has written nothing.
protocol SharedTransport: Transport, Sendable {}
