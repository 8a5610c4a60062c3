/// One request or response: what travels in one frame.
///
///     0        4        8          8 + H            4 + L
///     +--------+--------+----------+----------------+   big endian
///     | L: i32 | S:8 H:24 | header | body           |
///     +--------+--------+----------+----------------+
///
/// `L` counts what follows it, `S` is the ``HeaderSerialization``, `H` the header's bytes. A body of no bytes and
/// no body are the same thing.
public struct RemotingCommand: Sendable, Equatable {
    /// A ``RequestCode`` or a ``ResponseCode``, told apart by ``isResponse``.
    public var code: Int32
    /// What the sender is written in.
    public var language: LanguageCode
    /// The sender's ``ProtocolVersion``, as its ordinal.
    public var version: Int32
    /// The number that ties a response to its request. Each peer counts its own requests, on its own.
    public var opaque: Int32
    /// The bits of ``Flag``.
    public var flag: Int32
    /// Words for a person. A success may carry one too.
    public var remark: String?
    /// What goes with the code, by name; nil where a command has none, which is written otherwise than an empty list.
    public var fields: HeaderFields?
    /// What follows the header; empty for none.
    public var body: [UInt8]
    /// How the header is written, or was when it came.
    public var serialization: HeaderSerialization

    public init(
        code: Int32, language: LanguageCode = .other, version: Int32 = ProtocolVersion.current.ordinal,
        opaque: Int32 = 0, flag: Int32 = 0, remark: String? = nil, fields: HeaderFields? = nil,
        body: [UInt8] = [], serialization: HeaderSerialization = .json
    ) {
        self.code = code
        self.language = language
        self.version = version
        self.opaque = opaque
        self.flag = flag
        self.remark = remark
        self.fields = fields
        self.body = body
        self.serialization = serialization
    }
}

// MARK: - Flags and codes

extension RemotingCommand {
    /// Bits of ``flag``.
    public enum Flag {
        /// It answers a request.
        public static let response: Int32 = 1
        /// The receiver of the request must not answer it.
        public static let oneway: Int32 = 2
    }

    /// Whether it answers a request.
    @inlinable public var isResponse: Bool {
        get { flag & Flag.response != 0 }
        set { flag = newValue ? flag | Flag.response : flag & ~Flag.response }
    }

    /// Whether the receiver must not answer.
    @inlinable public var isOneway: Bool {
        get { flag & Flag.oneway != 0 }
        set { flag = newValue ? flag | Flag.oneway : flag & ~Flag.oneway }
    }

    /// The code of a request; of no meaning in a response.
    @inlinable public var requestCode: RequestCode { RequestCode(rawValue: code) }
    /// The code of a response; of no meaning in a request.
    @inlinable public var responseCode: ResponseCode { ResponseCode(rawValue: code) }
    /// What the sender speaks.
    public var protocolVersion: ProtocolVersion { ProtocolVersion(ordinal: version) }
}

// MARK: - Making requests and responses

extension RemotingCommand {
    /// A request without header fields. Who sends it sets ``opaque``.
    public init(_ code: RequestCode, body: [UInt8] = [], serialization: HeaderSerialization = .json) {
        self.init(code: code.rawValue, body: body, serialization: serialization)
    }

    /// A request with a typed header. Who sends it sets ``opaque``.
    public init(
        _ code: RequestCode, header: some CommandHeader, body: [UInt8] = [], serialization: HeaderSerialization = .json
    ) {
        self.init(code: code.rawValue, fields: header.fields, body: body, serialization: serialization)
    }

    /// A response without header fields. Who sends it sets ``opaque`` and ``serialization`` to the request's.
    public static func response(
        _ code: ResponseCode, remark: String? = nil, body: [UInt8] = []
    ) -> RemotingCommand {
        RemotingCommand(code: code.rawValue, flag: Flag.response, remark: remark, body: body)
    }

    /// A response with a typed header. Who sends it sets ``opaque`` and ``serialization`` to the request's.
    public static func response(
        _ code: ResponseCode, remark: String? = nil, header: some CommandHeader, body: [UInt8] = []
    ) -> RemotingCommand {
        RemotingCommand(code: code.rawValue, flag: Flag.response, remark: remark, fields: header.fields, body: body)
    }

    /// Has the header written as wished, where that loses nothing: the binary form cannot tell an empty text from none at all, so a command
    /// that has one goes as JSON.
    public mutating func setSerialization(preferring wish: HeaderSerialization) {
        serialization = fields?.contains { $0.value.isEmpty } == true ? .json : wish
    }

    /// The header fields as the struct that belongs to the code.
    ///
    /// A command without fields reads like one whose fields are all absent.
    public func header<Header: CommandHeader>(_ type: Header.Type = Header.self) throws(HeaderError) -> Header {
        do {
            return try Header(fields ?? HeaderFields())
        } catch {
            var named = error
            named.header = String(describing: type)
            throw named
        }
    }
}
