/// What `mqbench --help` says.
enum BenchHelp {
    static let text = """
        mqbench loads a cluster and shows what it can do. It prints a line each second and figures at the end.

        usage: mqbench COMMAND [options]

        producer    sends messages to a topic; a topic that does not exist is created on the way
          mqbench producer --topic BenchTopic                                  ten seconds, one send in flight
          mqbench producer --topic BenchTopic --connections 64                 64 connections, one in flight on each
          mqbench producer --topic BenchTopic --connections 8 --depth 64       pipelined: 512 in flight
          mqbench producer --topic BenchTopic --rate 50000 --connections 16    an open loop: 50,000 a second, see below
          mqbench producer --topic BenchTopic --client --connections 64        by the Swift client, 64 tasks
          mqbench producer --topic BenchTopic --client --batch 16              the same with one task, 16 messages in a send
        consumer    consumes a topic in a group with the Swift client, from the first message on
          mqbench consumer --topic BenchTopic --group bench_group --messages 100000
          mqbench consumer --topic BenchTopic --mode batch --batch 32          batches for the handler; ordered: one handler a queue
          mqbench consumer --topic BenchTopic --mode poll                      by a lite pull consumer, a poll at a time
        drain       reads all queues of a topic as fast as the broker can, without a group and without decoding
          mqbench drain --topic BenchTopic                                     one connection for each queue
          mqbench drain --topic BenchTopic --connections 1                     one pull after the other, queue by queue
          mqbench drain --topic BenchTopic --address 127.0.0.1:10911           without a name server, from offset 0 on
          mqbench drain --topic BenchTopic --sql "number BETWEEN 3 AND 4"      only what an expression wants; the rate is that of these
        handshakes  opens TLS connections and closes them again, one after the other on each thread
          mqbench handshakes --address 127.0.0.1:10911 --threads 2
        idle        subscribes to many topics, which it creates, and shows what the client costs while nothing comes
          mqbench idle --subscriptions 100 --seconds 20
        latency     sends at a steady rate and measures the time from produce to consume (one queue, long polling)
          mqbench latency --topic BenchTopic --rate 1000 --seconds 10
          mqbench latency --topic BenchTopic --client                          by a producer and a push consumer of the Swift client
        raw         sends straight to an address, without a name server; for brokers and for the yardstick
          mqbench raw --address 127.0.0.1:10911 --connections 64
          mqbench raw --address 127.0.0.1:10911 --connections 16 --rate 50000
          mqbench raw --address 127.0.0.1:10911 --connections 8 --depth 64 --kind transactions
        soak        producers, consumers, retries and transactions at once for a long time, with connections that are lost now and then;
                    every message is counted. Tools/soak watches the broker meanwhile
          mqbench soak --address 127.0.0.1:10911 --rate 50000 --seconds 1800 --restart 30
        yardstick   a server that answers sends without storing anything: what the network layer alone can do.
                    Compare `mqbench raw` against it with `mqbench raw` against a broker.
          mqbench yardstick --port 10999
        benchmark   RocketMQ's benchmark programs by their options and lines: producer, batchproducer, consumer, tproducer
          mqbench benchmark producer -t BenchmarkTest -w 64 -s 128             -h shows the options of each

        options (defaults in brackets)
          --namesrv A;B          name servers [NAMESRV_ADDR, else 127.0.0.1:9876]
          --topic NAME           [BenchmarkTest]
          --group NAME           consumer: the group [mqbench_consumer]
          --messages N           stop after N messages
          --seconds N            stop after N seconds [10 when neither is given; idle: 20]
          --idle N               consumer with --messages: give up after N seconds without a message [30]
          --size BYTES           body size [128]
          --connections N        producer, raw: connections, or tasks with --client [1]; drain: for each broker [one a queue]
          --depth N              producer, raw: sends in flight on each connection; at a rate, the most of them [1, at a rate 4096]
          --threads N            producer, raw: threads that share the connections [1]; handshakes: threads [2]
          --serialization KIND   headers as json or binary [json; the Swift client: binary]
          --client               producer, latency: use the Swift client instead of the raw load generator
          --batch N              producer --client: messages of one send [1]; drain: messages asked for in one pull [1024; brokers give fewer];
                                 consumer: most in one batch [32]
          --mode KIND            consumer: each message, batch, ordered or poll [each]
          --subscriptions N      idle: topics [100]
          --pull N               consumer: messages asked for in one pull [32]
          --kind KIND            raw: plain, delayed (by the first delay level), transactions (a half message and its commit, together one),
                                 filtered (with the tags 00000000 to 00000009 in turn, the same as property number, and colour red) or
                                 send-backs (the first message of the log is given back again and again) [plain]
          --tags TEXT            drain: messages with one of these tags, joined by || [*]
          --sql TEXT             drain: messages that an SQL92 expression wants
          --subscribed           drain: messages that the group mqbench_drain subscribes to, as a client's heartbeat said
          --rate N               latency: messages a second [1000]; producer, raw: the same, in an open loop [as fast as it goes]
          --tls                  producer, raw, drain, consumer, idle, latency with --client: encrypted connections, to whatever server
          --queue N              latency: the queue; raw, drain with --address: the first of --queues [0]
          --queues N             raw, drain with --address: queues used in turn [4]
          --address HOST:PORT    raw, drain, handshakes: the broker, numbers only [raw, handshakes: 127.0.0.1:10911; drain: those that the name server knows]
          --access-key NAME      producer, consumer, raw: the account that signs, for servers with access control [none: unsigned]
          --secret-key SECRET    the secret of that account; other users of this machine see the words of a command
          --restart N            soak: each producer and each consumer loses its connection every N seconds [never]
          --port N               yardstick: port on loopback [10999]
          --loops N              yardstick: event loops [1]

        The exit status is 0 when all went well, 1 when the run failed or a message was not accepted, 2 when the words behind
        mqbench are wrong.

        An open loop (--rate) does not wait for answers: each send is due at its time, goes out on the next connection that has room,
        and its time counts from when it was due. So a stall of the broker is charged with every send that had to wait for its end.
        Without a rate, a stall holds only the sends in flight back, and the percentiles look better than what producers see.

        The figures: messages a second over the whole run, and the distribution of the time from a request to its answer
        (producer, raw), of a connect with its handshake (handshakes), of one pull and how much it brought (drain), or from produce to consume (latency, consumer: by the clock of this machine).
        """
}
