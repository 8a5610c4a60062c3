// What an application names when it uses this module, so that `import RMQClient` is all it needs. Single types, not whole
// modules: `Logger`, for one, has namesakes in other packages.
@_exported public import struct RMQCommon.ByteText
@_exported public import struct RMQCommon.Message
@_exported public import struct RMQCommon.MessageProperties
@_exported public import struct RMQCommon.MessageQueue
@_exported public import struct RMQCommon.Permission
@_exported public import struct RMQCommon.StoredMessage
@_exported public import struct RMQCommon.SubscriptionGroupConfig
@_exported public import struct RMQCommon.TopicConfig
@_exported public import enum RMQRemoting.HeaderSerialization
@_exported public import struct RMQRemoting.ResponseCode
