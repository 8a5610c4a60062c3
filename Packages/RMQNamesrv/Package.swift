// swift-tools-version: 6.2
// RMQNamesrv: the name server. The umbrella manifest at the root declares the same targets; Tools/check-workspace compares them.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "RMQNamesrv",
    products: [
        .library(name: "RMQNamesrv", targets: ["RMQNamesrv"]),
    ],
    dependencies: [
        .package(path: "../RMQCommon"),
        .package(path: "../RMQRemoting"),
        .package(path: "../RMQACL"),
    ],
    targets: [
        .target(name: "RMQNamesrv", dependencies: [.product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQRemoting", package: "RMQRemoting"), .product(name: "RMQACL", package: "RMQACL"), .product(name: "CRMQSystem", package: "RMQCommon")], path: "Sources/RMQNamesrv", swiftSettings: settings),
        .testTarget(name: "RMQNamesrvTests", dependencies: ["RMQNamesrv", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQRemoting", package: "RMQRemoting"), .product(name: "RMQACL", package: "RMQACL"), .product(name: "CRMQSystem", package: "RMQCommon"), .product(name: "RMQTestSupport", package: "RMQCommon")], path: "Tests/RMQNamesrvTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
