import RMQCommon
import Synchronization

/// A line on the terminal that says how far long work is; nothing at all when standard error is none.
///
///     1,200 of 10,000 messages   12 %  [###-----------------------]  3,400/s
///
/// It appears after a second, changes four times a second, and is wiped at the end.
final class WorkProgress: Sendable {
    private struct State {
        var done = 0
        var nextAt: MonotonicInstant
        var isVisible = false
    }

    private let what: String
    private let total: Int?
    private let output: any TextOutput
    private let width: Int?
    private let began: MonotonicInstant
    private let clock: MonotonicClock
    private let state: Mutex<State>

    init(_ what: String, total: Int?, output: any TextOutput, clock: MonotonicClock = .system) {
        self.what = what
        self.total = total
        self.output = output
        self.clock = clock
        width = output.progressWidth
        began = clock.now()
        state = Mutex(State(nextAt: began + .seconds(1)))
    }

    func advance(by count: Int = 1) {
        guard let width else { return }
        let now = clock.now()
        let done: Int? = state.withLock { state in
            state.done += count
            guard now >= state.nextAt else { return nil }
            state.nextAt = now + .milliseconds(250)
            state.isVisible = true
            return state.done
        }
        guard let done else { return }
        output.writeError("\r" + Self.line(done, of: total, what, rate: Self.rate(done, in: now - began), width: width) + "\u{1B}[K")
    }

    /// Wipes the line, so that what is printed next begins at the left.
    func end() {
        let wasVisible = state.withLock { state in
            defer { state.isVisible = false }
            return state.isVisible
        }
        if wasVisible { output.writeError("\r\u{1B}[K") }
    }

    private static func rate(_ done: Int, in time: Duration) -> Int {
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
        return seconds > 0 ? Int(Double(done) / seconds) : 0
    }

    /// What fits into `width` columns: the bar goes first, then the rate.
    static func line(_ done: Int, of total: Int?, _ what: String, rate: Int, width: Int) -> String {
        let speed = "  \(Columns.grouped(rate))/s"
        guard let total, total > 0 else { return Columns.cut("\(Columns.grouped(done)) \(what)" + speed, max(0, width - 1)) }
        let share = min(1, Double(done) / Double(total))
        let head = "\(Columns.grouped(done)) of \(Columns.grouped(total)) \(what)  \(Columns.right(Int(share * 100), 3)) %"
        let room = width - 1 - head.utf8.count - speed.utf8.count - 4
        guard room >= 10 else { return Columns.cut(head + speed, max(0, width - 1)) }
        let bar = min(room, 40), full = Int(share * Double(bar))
        return head + "  [" + String(repeating: "#", count: full) + String(repeating: "-", count: bar - full) + "]" + speed
    }
}
