/// Which kind of cluster a client talks to, as the reference tells them apart. It decides about the trace alone.
public enum AccessChannel: Sendable {
    /// A cluster of one's own: traces go to the topic that ``Tracing`` names.
    case local
    /// A hosted one: traces go to the topic `rmq_sys_TRACE_DATA_<region>` of each message's region, and have a few fields less.
    case cloud
}
