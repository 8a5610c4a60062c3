// swift-tools-version: 6.2
// RMQClient: producers and consumers. The umbrella manifest at the root declares the same targets; Tools/check-workspace compares them.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "RMQClient",
    products: [
        .library(name: "RMQClient", targets: ["RMQClient"]),
        .library(name: "RMQBench", targets: ["RMQBench"]),
    ],
    dependencies: [
        .package(path: "../RMQCommon"),
        .package(path: "../RMQRemoting"),
    ],
    targets: [
        .target(name: "RMQClient", dependencies: [.product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQRemoting", package: "RMQRemoting"), .product(name: "CRMQSystem", package: "RMQCommon")], path: "Sources/RMQClient", swiftSettings: settings),
        .target(name: "RMQBench", dependencies: ["RMQClient", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQRemoting", package: "RMQRemoting"), .product(name: "CRMQSystem", package: "RMQCommon")], path: "Sources/RMQBench", swiftSettings: settings),
        .testTarget(name: "RMQClientTests", dependencies: ["RMQClient", "RMQBench", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQRemoting", package: "RMQRemoting"), .product(name: "CRMQSystem", package: "RMQCommon"), .product(name: "RMQTestSupport", package: "RMQCommon")], path: "Tests/RMQClientTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
