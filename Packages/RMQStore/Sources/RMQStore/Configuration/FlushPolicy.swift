/// What has to be on the disk before an append is acknowledged. The raw values are those of `flushDiskType`.
public enum FlushPolicy: String, Sendable, Equatable, CaseIterable {
    /// Nothing: a thread writes back what is new every now and then; an append is acknowledged once it is in the page cache.
    case asynchronous = "ASYNC_FLUSH"
    /// The message; one sync serves all that came until it begins.
    case synchronous = "SYNC_FLUSH"
}
