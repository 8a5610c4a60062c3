/// Who writes the log.
public enum StoreRole: Sendable, Equatable {
    /// Producers do.
    case master
    /// A master elsewhere does; its bytes are appended as they are.
    case replica
}
