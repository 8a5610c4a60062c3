// swift-tools-version: 6.2
// RMQBroker: the broker. The umbrella manifest at the root declares the same targets; Tools/check-workspace compares them.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "RMQBroker",
    products: [
        .library(name: "RMQBroker", targets: ["RMQBroker"]),
    ],
    dependencies: [
        .package(path: "../RMQCommon"),
        .package(path: "../RMQRemoting"),
        .package(path: "../RMQStore"),
        .package(path: "../RMQFilter"),
        .package(path: "../RMQACL"),
    ],
    targets: [
        .target(name: "RMQBroker", dependencies: [.product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQRemoting", package: "RMQRemoting"), .product(name: "RMQStore", package: "RMQStore"), .product(name: "RMQFilter", package: "RMQFilter"), .product(name: "RMQACL", package: "RMQACL"), .product(name: "CRMQSystem", package: "RMQCommon")], path: "Sources/RMQBroker", swiftSettings: settings),
        .testTarget(name: "RMQBrokerTests", dependencies: ["RMQBroker", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQRemoting", package: "RMQRemoting"), .product(name: "RMQStore", package: "RMQStore"), .product(name: "RMQFilter", package: "RMQFilter"), .product(name: "RMQACL", package: "RMQACL"), .product(name: "CRMQSystem", package: "RMQCommon"), .product(name: "RMQTestSupport", package: "RMQCommon")], path: "Tests/RMQBrokerTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
