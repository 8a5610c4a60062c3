@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Every header field of every request that the broker serves, with seven kinds of value.
///
/// Where the reference answers otherwise, README.md says why not so here.
@Suite(.takesTurns) struct HeaderTableTests {
    private static let table = HeaderTable("""
        10 producerGroup          0 0 0 0 0 0 0
        10 topic                  1 1 0 0 0 1 0
        10 defaultTopic           0 0 0 0 0 0 0
        10 defaultTopicQueueNums  0 0 0 0 0 0 0
        10 queueId                1 1 1 1 1 1 0
        10 sysFlag                1 1 1 1 1 1 16/0
        10 bornTimestamp          1 1 1 0 1 1 0
        10 flag                   1 1 1 1 1 1 0
        10 properties             0 0 0 0 0 0 0
        10 reconsumeTimes         0 0 0 0 0 0 0
        10 unitMode               0 0 0 0 0 0 0
        10 maxReconsumeTimes      0 0 0 0 0 0 0
        10 batch                  0 0 0 0 0 0 0
        10 bname                  0 0 0 0 0 0 0

        310 a                     0 0 0 0 0 0 0
        310 b                     1 1 0 0 0 1 0
        310 c                     0 0 0 0 0 0 0
        310 d                     0 1 1 1 1 1 0
        310 e                     1 1 1 1 1 1 0
        310 f                     1 1 1 1 1 1 16/0
        310 g                     1 1 1 0 1 1 0
        310 h                     1 1 1 1 1 1 0
        310 i                     0 0 0 0 0 0 0
        310 j                     0 1 1 1 1 1 0
        310 k                     0 0 0 0 0 0 0
        310 l                     0 1 1 1 1 1 0
        310 m                     0 0 0 0 0 0 0
        310 n                     0 0 0 0 0 0 0

        320 a                     0 0 0 0 0 0 0
        320 b                     1 1 0 0 0 1 0
        320 c                     0 0 0 0 0 0 0
        320 d                     0 1 1 1 1 1 0
        320 e                     1 1 1 1 1 1 0
        320 f                     1 1 1 1 1 1 13
        320 g                     1 1 1 0 1 1 0
        320 h                     1 1 1 1 1 1 0
        320 i                     0 0 0 0 0 0 0
        320 j                     0 1 1 1 1 1 0
        320 k                     0 0 0 0 0 0 0
        320 l                     0 1 1 1 1 1 0
        320 m                     0 0 0 0 0 0 0
        320 n                     0 0 0 0 0 0 0

        324 producerGroup          0 0 0 0 0 0 0
        324 topic                  1 1 0 0 0 1 0
        324 defaultTopic           0 0 0 0 0 0 0
        324 defaultTopicQueueNums  0 0 0 0 0 0 0
        324 queueId                1 1 1 1 1 1 0
        324 sysFlag                1 1 1 1 1 1 0
        324 bornTimestamp          1 1 1 0 1 1 0
        324 flag                   1 1 1 1 1 1 0
        324 properties             1 1 1 1 1 1 1
        324 reconsumeTimes         0 0 0 0 0 0 0
        324 unitMode               0 0 0 0 0 0 0
        324 maxReconsumeTimes      0 0 0 0 0 0 0
        324 batch                  0 0 0 0 0 0 0
        324 bname                  0 0 0 0 0 0 0

        325 a                     0 0 0 0 0 0 0
        325 b                     1 1 0 0 0 1 0
        325 c                     0 0 0 0 0 0 0
        325 d                     0 1 1 1 1 1 0
        325 e                     1 1 1 1 1 1 0
        325 f                     1 1 1 1 1 1 0
        325 g                     1 1 1 0 1 1 0
        325 h                     1 1 1 1 1 1 0
        325 i                     1 1 1 1 1 1 1
        325 j                     0 1 1 1 1 1 0
        325 k                     0 0 0 0 0 0 0
        325 l                     0 1 1 1 1 1 0
        325 m                     0 0 0 0 0 0 0
        325 n                     0 0 0 0 0 0 0

        36 offset                 1 1 1 1 1 1 1
        36 group                  1 0 0 0 0 1/0 0
        36 delayLevel             1 1 1 1 1 1 0
        36 originMsgId            0 0 0 0 0 0 0
        36 originTopic            0 0 0 0 0 0 0
        36 unitMode               0 0 0 0 0 0 0
        36 maxReconsumeTimes      0 0 0 0 0 0 0
        36 bname                  0 0 0 0 0 0 0

        11 consumerGroup          1 0 0 0 0 0 0
        11 topic                  1 17 17 17 17 17 17
        11 queueId                1 1 1 1 1 1 1
        11 queueOffset            1 1 1 21 1 1 21
        11 maxMsgNums             1 1 1 1 1 1 0
        11 sysFlag                1 1 1 1 1 1 0
        11 commitOffset           0 1 1 0 1 1 0
        11 suspendTimeoutMillis   0 1 1 0 1 1 0
        11 subscription           0 0 20 20 20 20 20
        11 subVersion             0 1 1 0 1 1 0
        11 expressionType         0 0 1 1 1 1 1
        11 bname                  0 0 0 0 0 0 0

        12 topic                  22 22 22 22 22 22 22
        12 key                    22 22 22 22 22 22 22
        12 maxNum                 1 1 1 1 1 1 22
        12 beginTimestamp         1 1 1 0 1 1 0
        12 endTimestamp           1 1 1 22 1 1 22
        12 _UNIQUE_KEY_QUERY      0 0 0 0 0 0 0

        14 consumerGroup          0 0 0 0 0 0 0
        14 topic                  1 0 0 0 0 0 0
        14 queueId                1 1 1 1 1 1 0
        14 bname                  0 0 0 0 0 0 0
        15 consumerGroup          0 0 0 0 0 0 0
        15 topic                  0 0 0 0 0 0 0
        15 queueId                1 1 1 1 1 1 0
        15 commitOffset           1 1 1 0 1 1 0
        15 bname                  0 0 0 0 0 0 0
        29 topic                  1 0 0 0 0 0 0
        29 queueId                1 1 1 1 1 1 0
        29 timestamp              1 1 1 0 1 1 0
        29 bname                  0 0 0 0 0 0 0
        30 topic                  1 0 0 0 0 0 0
        30 queueId                1 1 1 1 1 1 0
        30 bname                  0 0 0 0 0 0 0
        31 topic                  1 0 0 0 0 0 0
        31 queueId                1 1 1 1 1 1 0
        31 bname                  0 0 0 0 0 0 0
        32 topic                  1 0 0 0 0 0 0
        32 queueId                1 1 1 1 1 1 0
        32 bname                  0 0 0 0 0 0 0
        33 offset                 1 1 1 1 1 1 1

        37 producerGroup          1 1 1 1 1 1 1
        37 tranStateTableOffset   1 1 1 1 1 1 1
        37 commitLogOffset        1 1 1 1 1 1 1
        37 commitOrRollback       1 1 1 1 1 1 1
        37 fromTransactionCheck   0 0 0 0 0 0 0
        37 msgId                  1 0 0 0 0 0 0
        37 transactionId          0 0 0 0 0 0 0
        37 bname                  0 0 0 0 0 0 0
        323 msgId                 1 1 1 1 1 1 1
        323 topic                 0 0 0 0 0 0 0

        17 topic                  1 1 0 0 0 1 0
        17 defaultTopic           0 0 0 0 0 0 0
        17 readQueueNums          1 1 1 1 1 1 1/0
        17 writeQueueNums         1 1 1 1 1 1 1/0
        17 perm                   1 1 1 1 1 1 0
        17 topicFilterType        1 1 1 1 1 1 1
        17 topicSysFlag           0 0 0 0 0 0 0
        17 order                  0 0 0 0 0 0 0

        35 clientID               0 0 0 0 0 0 0
        35 producerGroup          0 0 0 0 0 0 0
        35 consumerGroup          0 0 0 0 0 0 0
        38 consumerGroup          1 1 1 1 1 1 1
        202 topic                 1 17 17 17 17 17 17
        203 consumerGroup         1 206 206 206 206 206 206
        204 producerGroup         1 1 1 1 1 1 1
        207 groupName             1 0 0 0 0 0 0
        207 removeOffset          0 0 0 0 0 0 0
        208 consumerGroup         1 0 0 0 0 0 0
        208 topic                 0 0 0 0 0 0 0
        215 topic                 1 1 0 0 0 1 0
        300 topic                 1 0 0 0 0 0 0
        315 statsName             1 1 1 1 1 1 1
        315 statsKey              1 1 1 1 1 1 1

        317 isOrder               0 0 0 0 0 0 0

        222 topic                 1 1 1 1 1 1 1
        222 group                 1 1 1 1 1 1 1
        222 timestamp             1 1 1 0 1 1 0
        222 isForce               0 0 0 0 0 0 0
        223 topic                 0 0 0 0 0 0 0
        223 group                 1 1 1 1 1 1 1
        223 clientAddr            0 0 0 0 0 0 0
        303 topic                 1 17 17 17 17 17 17
        303 group                 0 0 0 0 0 0 0
        307 consumerGroup         1 1 1 1 1 1 1
        307 clientId              1 1 1 1 1 1 1
        307 jstackEnable          0 0 0 0 0 0 0
        308 topic                 1 0 0 0 0 0 0
        308 filterGroups          0 0 0 0 0 0 0
        308 compareGroup          0 0 0 0 0 0 0
        309 consumerGroup         1 1 1 1 1 1 1
        309 clientId              1 1 1 1 1 1 1
        309 msgId                 1 1 1 1 1 1 1
        309 brokerName            0 0 0 0 0 0 0
        314 srcGroup              1 0 0 0 0 0 0
        314 destGroup             1 0 0 0 0 0 0
        314 topic                 0 0 0 0 0 0 0
        314 offline               0 0 0 0 0 0 0
        321 topic                 1 1 1 1 1 1 1
        321 queueId               0 0 0 0 0 0 1
        321 index                 0 0 0 0 0 0 0
        321 count                 0 0 0 0 0 0 0
        321 consumerGroup         0 0 0 0 0 0 0

        50 accessKey              1 209 209 0 0 209 209
        50 secretKey              209 209 209 0 0 209 209
        50 whiteRemoteAddress     0 0 209 209 209 209 209
        50 admin                  0 0 0 0 0 0 0
        50 defaultTopicPerm       0 0 209/0 209/0 209/0 209/0 209/0
        50 defaultGroupPerm       0 0 209/0 209/0 209/0 209/0 209/0
        50 topicPerms             0 0 209 209 209 209 209
        50 groupPerms             0 0 209 209 209 209 209
        51 accessKey              1 210 210 210 210 210 210
        53 globalWhiteAddrs       1 0 211/0 211/0 211/0 211/0 211/0
        53 aclFileFullPath        0 0 211 211 211 211 211

        52 -
        21 -
        25 -
        26 -
        28 -
        34 -
        41 -
        42 -
        43 -
        45 -
        46 -
        200 -
        201 -
        305 -
        306 -
        316 -
        328 -
        329 -

        1007 -

        1908 brokerRole           1 1 1 1 1 1 1
        1908 masterAddr           0 0 1 1 1 1 1
        1908 brokerId             0 1 1 0 1 1 1
        1908 leastOffset          0 1 1 0 1 1 0
        """)

    /// A request of each code that is answered 0, as all rows of its code begin.
    private static func sound(_ code: Int32) throws -> (fields: [String: String], body: [UInt8]) {
        let group = ["consumerGroup": "g"]
        let queue = ["topic": "T", "queueId": "0", "bname": "broker-a"]
        let send = Peer.sendFields("T").merging(["l": "16", "n": "broker-a"]) { $1 }
        let reply = send.merging(["i": "REPLY_TO_CLIENT\u{1}c"]) { $1 }
        let client = ["consumerGroup": "g", "clientId": "c"]
        switch code {
        case 10, 324:
            let send = code == 10 ? send : reply
            let names = [
                "a": "producerGroup", "b": "topic", "c": "defaultTopic", "d": "defaultTopicQueueNums", "e": "queueId", "f": "sysFlag",
                "g": "bornTimestamp", "h": "flag", "i": "properties", "j": "reconsumeTimes", "k": "unitMode", "l": "maxReconsumeTimes",
                "m": "batch", "n": "bname",
            ]
            return (Dictionary(uniqueKeysWithValues: send.map { (names[$0.key]!, $0.value) }), [1])
        case 310: return (send, [1])
        case 325: return (reply, [1])
        case 320: return (send.merging(["m": "true"]) { $1 }, try BatchBody.encode([Message(topic: "T", body: [1])]))
        case 36:
            return ([
                "offset": "0", "group": "g", "delayLevel": "0", "originMsgId": "", "originTopic": "T", "unitMode": "false", "maxReconsumeTimes": "16",
                "bname": "broker-a",
            ], [])
        case 11:
            return ([
                "consumerGroup": "g", "topic": "T", "queueId": "0", "queueOffset": "0", "maxMsgNums": "32", "sysFlag": "4", "commitOffset": "0",
                "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0", "expressionType": "TAG", "bname": "broker-a",
            ], [])
        case 12:
            return (["topic": "T", "key": "k", "maxNum": "32", "beginTimestamp": "0", "endTimestamp": "\(Int64.max)", "_UNIQUE_KEY_QUERY": "false"], [])
        case 14: return (queue.merging(group) { $1 }, [])
        case 15: return (queue.merging(["consumerGroup": "g", "commitOffset": "1"]) { $1 }, [])
        case 29: return (queue.merging(["timestamp": "0"]) { $1 }, [])
        case 30, 31, 32: return (queue, [])
        case 33: return (["offset": "0"], [])
        case 37:
            return ([
                "producerGroup": "p", "tranStateTableOffset": "0", "commitLogOffset": "0", "commitOrRollback": "8", "fromTransactionCheck": "false",
                "msgId": "m", "transactionId": "m", "bname": "broker-a",
            ], [])
        case 323: return (["msgId": "7F00000100002A9F0000000000000000", "topic": "T"], [])
        case 17:
            return ([
                "topic": "Made", "defaultTopic": "TBW102", "readQueueNums": "1", "writeQueueNums": "1", "perm": "6",
                "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
            ], [])
        case 34:
            let heartbeat = HeartbeatData {
                $0.clientId = "c"
                $0.consumers = [ConsumerData { $0.group = "g" }]
            }
            return ([:], heartbeat.body)
        case 35: return (["clientID": "c", "producerGroup": "p2", "consumerGroup": "g2"], [])
        case 38, 203: return (group, [])
        case 204: return (["producerGroup": "p"], [])
        case 50:
            return ([
                "accessKey": "someone", "secretKey": "12345678", "whiteRemoteAddress": "", "admin": "false", "defaultTopicPerm": "DENY",
                "defaultGroupPerm": "SUB", "topicPerms": "T=PUB", "groupPerms": "g=SUB",
            ], [])
        case 51: return (["accessKey": "rocketmq2"], [])
        case 53: return (["globalWhiteAddrs": "10.0.0.1", "aclFileFullPath": ""], [])
        case 207: return (["groupName": "g2", "removeOffset": "false"], [])
        case 208: return (["consumerGroup": "g", "topic": "T"], [])
        case 41, 42: return ([:], Array(#"{"clientId":"c","consumerGroup":"g","mqSet":[{"brokerName":"b","queueId":0,"topic":"T"}]}"#.utf8))
        case 200: return ([:], Array(#"{"groupName":"g3"}"#.utf8))
        case 202, 300: return (["topic": "T"], [])
        case 215: return (["topic": "Gone"], [])
        case 222: return (["topic": "T", "group": "g", "timestamp": "0", "isForce": "true"], [])
        case 223: return (["topic": "T", "group": "g", "clientAddr": ""], [])
        case 303: return (["topic": "T", "group": "g"], [])
        case 307: return (client.merging(["jstackEnable": "false"]) { $1 }, [])
        case 308: return (["topic": "T", "filterGroups": "", "compareGroup": "g"], [])
        case 309: return (client.merging(["msgId": "7F00000100002A9F0000000000000000", "brokerName": "broker-a"]) { $1 }, [])
        case 314: return (["srcGroup": "g", "destGroup": "g2", "topic": "T", "offline": "false"], [])
        case 321: return (["topic": "T", "queueId": "0", "index": "0", "count": "1", "consumerGroup": "g"], [])
        case 315: return (["statsName": "TOPIC_PUT_NUMS", "statsKey": "T"], [])
        case 1908: return (["brokerRole": "SLAVE", "masterAddr": "10.0.0.1:10911", "brokerId": "1", "leastOffset": "0"], [])
        case 317: return (["isOrder": "false"], [])
        default: return ([:], [])
        }
    }

    static func isServed(_ code: RequestCode) -> Bool {
        switch BrokerRequests.table.work(of: code) {
        case .send, .pull, .reply, .onLoop, .byWorker: true
        case .forNameServers, .forClients, .unserved, nil: false
        }
    }

    @Test func theTableHasEveryCodeAndEveryField() throws {
        let known = Set(Self.table.codes)
        for code in Int32(0)...2_000 {
            #expect(known.contains(code) == Self.isServed(RequestCode(rawValue: code)), "\(code)")
            if known.contains(code) { Self.table.expectRows(of: code, for: try Self.sound(code).fields) }
        }
    }

    @Test(arguments: table.codes) func theAnswersAreThoseOfTheTable(code: Int32) async throws {
        try await withPeer(accounts: AccountRows.files(for: RequestCode(rawValue: code))) { peer in
            _ = try await peer.createTopic("T")
            _ = try await peer.send("T", "half", properties: "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}p")
            _ = try await peer.send("T", "x", properties: "KEYS\u{1}k")
            let subscription = SubscriptionData(topic: "T", tagExpression: "*", version: 1)
            let consumer = ConsumerData {
                $0.group = "g"
                $0.subscriptions = [subscription]
            }
            let heartbeat = HeartbeatData {
                $0.clientId = "c"
                $0.producers = [ProducerData(group: "p")]
                $0.consumers = [consumer]
            }
            _ = try await peer.ask(.heartBeat, body: heartbeat.body)
            _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "T", "queueId": "0", "commitOffset": "1"])
            let (fields, body) = try Self.sound(code)
            func answer(_ fields: [String: String]) async throws -> (code: Int32, remark: String?) {
                let answer = try await peer.ask(RequestCode(rawValue: code), fields, body: body)
                return (answer.code, answer.remark)
            }
            // The index follows the log.
            try await eventually("the sound request is answered 0") { try await answer(fields).code == 0 }
            try await Self.table.expectAnswers(to: code, sound: fields, answer)
        }
    }
}
