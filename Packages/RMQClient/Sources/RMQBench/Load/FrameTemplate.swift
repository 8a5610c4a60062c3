import RMQCommon
import RMQRemoting

/// A request that is encoded once and sent many times; only a few digits change from one to the next.
///
/// A number that changes is written as text of fixed width, so that every copy has the same length.
struct FrameTemplate {
    let bytes: [UInt8]
    private let isBinary: Bool
    private let opaqueAt: Int
    /// Where the texts that change end.
    private let changingEnds: [Int]
    /// What each request is signed with; nil leaves it unsigned.
    private let signing: FrameSigning?

    /// Numbers of requests start here: ten digits, and they stay ten.
    static let firstOpaque: Int32 = 1_000_000_000
    /// A placeholder for a 19-digit number, such as an offset.
    static let placeholder: Int64 = 7_777_777_777_777_777_777
    /// For a second one.
    static let secondPlaceholder: Int64 = 8_888_888_888_888_888_888

    /// - Parameters:
    ///   - command: with each text of `changing` somewhere in it.
    ///   - changing: digits that `patch` overwrites from their end on, beside the request's number.
    ///   - signer: signs each request anew, as clients do; not for what is patched without ``patch(_:opaque:number:second:digits:)``.
    init(
        _ command: RemotingCommand, serialization: HeaderSerialization, changing: [String], signer: RequestSigner? = nil
    ) throws(BenchError) {
        var command = command
        signer?.sign(&command)
        command.serialization = serialization
        command.opaque = Self.firstOpaque
        let encoded = command.encoded()
        bytes = encoded
        isBinary = serialization == .rocketmq
        if isBinary {
            opaqueAt = 8 + 5
        } else {
            guard let at = Self.find("\(Self.firstOpaque)", in: encoded) else { throw BenchError("no opaque in the encoded header") }
            opaqueAt = at
        }
        changingEnds = try changing.map { text throws(BenchError) in
            guard let at = Self.find(text, in: encoded) else { throw BenchError("\(text) is not in the encoded request") }
            return at + text.utf8.count
        }
        signing = try signer.map { signer throws(BenchError) in try FrameSigning(signer, command, encoded, changing: changing) }
    }

    /// Puts the numbers of this request into a copy of `bytes`: the first where the first text was that changes, the second wherever
    /// others were.
    func patch(_ copy: UnsafeMutableRawBufferPointer, opaque: Int32, number: Int64, second: Int64 = 0, digits: Int) {
        if isBinary {
            copy.storeBytes(of: opaque.bigEndian, toByteOffset: opaqueAt, as: Int32.self)
        } else {
            Self.putDecimal(Int64(opaque), digits: 10, endingAt: opaqueAt + 10, in: copy)
        }
        if let first = changingEnds.first { Self.putDecimal(number, digits: digits, endingAt: first, in: copy) }
        for end in changingEnds.dropFirst() { Self.putDecimal(second, digits: digits, endingAt: end, in: copy) }
        signing?.sign(copy, number: number, second: second, digits: digits)
    }

    fileprivate static func putDecimal(_ value: Int64, digits: Int, endingAt end: Int, in bytes: UnsafeMutableRawBufferPointer) {
        var rest = value
        for index in stride(from: end - 1, through: end - digits, by: -1) {
            bytes[index] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
            rest /= 10
        }
    }

    fileprivate static func find(_ text: String, in bytes: [UInt8]) -> Int? {
        let pattern = Array(text.utf8)
        guard bytes.count >= pattern.count else { return nil }
        return (0...bytes.count - pattern.count).first { bytes[$0] == pattern[0] && bytes[$0..<$0 + pattern.count].elementsEqual(pattern) }
    }
}

/// What is signed of the requests of one template, and where their signatures stand. On the thread of the load alone.
private final class FrameSigning {
    private let signer: RequestSigner
    private var content: [UInt8]
    private let changingEnds: [Int]
    private let signatureAt: Int

    /// - Parameters:
    ///   - command: signed already.
    ///   - encoded: as it goes out.
    init(_ signer: RequestSigner, _ command: RemotingCommand, _ encoded: [UInt8], changing: [String]) throws(BenchError) {
        let fields = (command.fields ?? [:]).sorted { ByteText($0.name) < ByteText($1.name) }
        guard let signature = command.fields?["Signature"], let at = FrameTemplate.find(signature, in: encoded) else {
            throw BenchError("no signature in the encoded header")
        }
        let content = fields.filter { !$0.name.isExactly("Signature") }.flatMap { Array($0.value.utf8) } + command.body
        changingEnds = try changing.map { text throws(BenchError) in
            guard let at = FrameTemplate.find(text, in: content) else { throw BenchError("\(text) is not in the signed content") }
            return at + text.utf8.count
        }
        self.signer = signer
        self.content = content
        signatureAt = at
    }

    func sign(_ copy: UnsafeMutableRawBufferPointer, number: Int64, second: Int64, digits: Int) {
        content.withUnsafeMutableBytes { content in
            if let first = changingEnds.first { FrameTemplate.putDecimal(number, digits: digits, endingAt: first, in: content) }
            for end in changingEnds.dropFirst() { FrameTemplate.putDecimal(second, digits: digits, endingAt: end, in: content) }
        }
        var signed = signer.begin()
        signed.add(content)
        signer.signature(of: signed).span.withUnsafeBytes { copy[signatureAt...].copyBytes(from: $0) }
    }
}

extension FrameTemplate {
    /// Digits at the end of a message's id that count the messages.
    static let idDigits = 8

    /// What a load asks for again and again.
    static func request(
        _ kind: LoadKind, topic: String, queueId: Int32, size: Int, serialization: HeaderSerialization, signer: RequestSigner? = nil
    ) throws(BenchError) -> FrameTemplate {
        switch kind {
        case .plain: try send(topic: topic, queueId: queueId, size: size, serialization: serialization, signer: signer)
        case .delayed:
            try send(topic: topic, queueId: queueId, size: size, properties: [PropertyName.delayLevel: "1"], serialization: serialization, signer: signer)
        case .transactions:
            try send(
                topic: topic, queueId: queueId, size: size,
                properties: [PropertyName.transactionPrepared: "true", PropertyName.producerGroup: producerGroup], serialization: serialization,
                signer: signer)
        case .filtered:
            try send(
                topic: topic, queueId: queueId, size: size,
                properties: [PropertyName.tags: filteredTag, "number": filteredNumber, "colour": "red"], serialization: serialization,
                changing: [filteredTag, filteredNumber], signer: signer)
        case .sendBacks: try sendBack(serialization: serialization, signer: signer)
        }
    }

    private static let producerGroup = "mqbench_producer"
    /// Placeholders for a number of as many digits as an id has.
    private static let (filteredTag, filteredNumber) = ("88888881", "88888882")

    /// Gives the first message of the log back, once more each time.
    private static func sendBack(serialization: HeaderSerialization, signer: RequestSigner?) throws(BenchError) -> FrameTemplate {
        let header = SendBackHeader {
            $0.physicalOffset = 0
            $0.group = "mqbench_consumer"
            $0.delayLevel = 0   // as consumers do: the broker chooses
            $0.maxReconsumeTimes = .max
        }
        return try FrameTemplate(RemotingCommand(.consumerSendMsgBack, header: header), serialization: serialization, changing: [], signer: signer)
    }

    /// Commits the half message whose queue offset and physical offset are put in.
    static func commit(serialization: HeaderSerialization, signer: RequestSigner? = nil) throws(BenchError) -> FrameTemplate {
        let header = EndTransactionHeader {
            $0.producerGroup = producerGroup
            $0.halfQueueOffset = placeholder
            $0.halfPhysicalOffset = secondPlaceholder
            $0.decision = .commit
        }
        return try FrameTemplate(
            RemotingCommand(.endTransaction, header: header), serialization: serialization, changing: ["\(placeholder)", "\(secondPlaceholder)"],
            signer: signer)
    }

    /// A send of a message of `size` bytes to one queue.
    private static func send(
        topic: String, queueId: Int32, size: Int, properties more: MessageProperties = [:], serialization: HeaderSerialization,
        changing: [String] = [], signer: RequestSigner?
    ) throws(BenchError) -> FrameTemplate {
        // The last digits are decimal here; they are still hexadecimal digits to everybody else.
        let unique = UniqueId.make()
        let id = unique.prefix(bytes: unique.utf8.count - idDigits) + String(repeating: "0", count: idDigits)
        var properties = more
        properties[PropertyName.uniqueKey] = id
        properties[PropertyName.waitStoreMessage] = "true"
        let header = SendMessageHeader {
            $0.producerGroup = producerGroup
            $0.topic = topic
            $0.queueId = queueId
            $0.bornTimestamp = WallClock.nowMilliseconds()
            $0.properties = properties.text
        }
        let body = (0..<max(1, size)).map { UInt8(truncatingIfNeeded: 0x61 + $0 % 26) }
        return try FrameTemplate(
            RemotingCommand(.sendMessageV2, header: SendMessageHeaderV2(header), body: body), serialization: serialization, changing: [id] + changing,
            signer: signer)
    }

    /// A pull from one queue. It carries its own subscription, so that no heartbeat is needed, unless it asks by that.
    static func pull(
        topic: String, queueId: Int32, maxMessages: Int32, suspend: Duration?, filter: PullSubscription = .tags("*"),
        serialization: HeaderSerialization
    ) throws(BenchError) -> FrameTemplate {
        let header = PullMessageHeader {
            $0.consumerGroup = "mqbench_drain"
            $0.topic = topic
            $0.queueId = queueId
            $0.queueOffset = placeholder
            $0.maxMessages = maxMessages
            if suspend != nil { $0.flags.insert(.suspends) }
            $0.suspendTimeoutMillis = suspend.map { $0.milliseconds } ?? 0
            guard let (text, type) = filter.carried else { return }
            ($0.subscription, $0.expressionType) = (text, type)
            $0.flags.insert(.carriesSubscription)
        }
        return try FrameTemplate(
            RemotingCommand(.pullMessage, header: header), serialization: serialization, changing: ["\(placeholder)"])
    }
}
