// Signs every request with the secret of an account. A broker with `aclEnable=true` wants that; the others do not look.
import RMQClient

var configuration = RocketMQClient.Configuration()
// Out of a file with AccessKey=… and SecretKey=…: Credentials(file: "/etc/orders/key")
configuration.credentials = Credentials(accessKey: "orders-api", secretKey: "what nobody else knows")
try await withRocketMQClient(configuration) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    let sent = try await producer.send(Message(topic: "ExampleSigned", text: "it was me"))
    print("stored as \(sent.messageId), signed by \(configuration.credentials!.accessKey)")
}
