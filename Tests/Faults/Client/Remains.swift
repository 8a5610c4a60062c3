/// What should be gone when a client was closed: an object that is still there is held by a task that did not end, or by another such object.
struct Remains: Sendable {
    private struct Watched: Sendable {
        let name: String
        weak let object: (any AnyObject & Sendable)?
    }
    private var watched: [Watched] = []

    mutating func watch(_ object: any AnyObject & Sendable, _ name: String) { watched.append(Watched(name: name, object: object)) }

    private var names: [String] { watched.filter { $0.object != nil }.map(\.name) }

    /// The names of what is left, once it is nothing or a second is over: a task that has ended may still be on its way out.
    func remaining() async -> [String] {
        for _ in 0..<100 where !names.isEmpty { try? await Task.sleep(for: .milliseconds(10)) }
        return names
    }
}
