/// What `mqbench --help` says.
enum Help {
    static let text = """
        mqbench loads a cluster and shows what it can do. It prints a line each second and figures at the end.

        usage: mqbench COMMAND [options]

        producer    sends messages to a topic; a topic that does not exist is created on the way
          mqbench producer --topic BenchTopic                                  ten seconds, one send in flight
          mqbench producer --topic BenchTopic --connections 64                 64 connections, one in flight on each
          mqbench producer --topic BenchTopic --connections 8 --depth 64       pipelined: 512 in flight
          mqbench producer --topic BenchTopic --client --connections 64        by the Swift client, 64 tasks
        consumer    consumes a topic in a group with the Swift client, from the first message on
          mqbench consumer --topic BenchTopic --group bench_group --messages 100000
        drain       reads all queues of a topic as fast as the broker can, without a group and without decoding
          mqbench drain --topic BenchTopic
        latency     sends at a steady rate and measures the time from produce to consume (one queue, long polling)
          mqbench latency --topic BenchTopic --rate 1000 --seconds 10
        raw         sends straight to an address, without a name server; for brokers and for the yardstick
          mqbench raw --address 127.0.0.1:10911 --connections 64
        yardstick   a server that answers sends without storing anything: what the network layer alone can do.
                    Compare `mqbench raw` against it with `mqbench raw` against a broker.
          mqbench yardstick --port 10999

        options (defaults in brackets)
          --namesrv A;B          name servers [NAMESRV_ADDR, else 127.0.0.1:9876]
          --topic NAME           [BenchmarkTest]
          --group NAME           consumer: the group [mqbench_consumer]
          --messages N           stop after N messages
          --seconds N            stop after N seconds [10 when neither is given]
          --idle N               consumer with --messages: give up after N seconds without a message [30]
          --size BYTES           body size [128]
          --connections N        producer, raw: connections, or tasks with --client [1]
          --depth N              producer, raw: sends in flight on each connection [1]
          --threads N            producer, raw: threads that share the connections [1]
          --serialization KIND   headers as json or binary [json]
          --client               producer: use the Swift client instead of the raw load generator
          --batch N              drain: messages asked for in one pull [1024; brokers give fewer]
          --rate N               latency: messages a second [1000]
          --queue N              latency: the queue; raw: the first of --queues [0]
          --queues N             raw: queues used in turn [4]
          --address HOST:PORT    raw: where to send to, numbers only [127.0.0.1:10911]
          --port N               yardstick: port on loopback [10999]
          --loops N              yardstick: event loops [1]

        The exit status is 0 when all went well, 1 when the run failed or a message was not accepted, 2 when the words behind
        mqbench are wrong.

        The figures: messages a second over the whole run, and the distribution of the time from a request to its answer
        (producer, raw), of one pull (drain), or from produce to consume (latency, consumer: by the clock of this machine).
        """
}
