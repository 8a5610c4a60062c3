// swift-tools-version: 6.2
// RMQStore: the message store. The umbrella manifest at the root declares the same targets; Tools/check-workspace compares them.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "RMQStore",
    products: [
        .library(name: "RMQStore", targets: ["RMQStore"]),
        .library(name: "RMQStoreTool", targets: ["RMQStoreTool"]),
        .library(name: "RMQStoreBench", targets: ["RMQStoreBench"]),
    ],
    dependencies: [
        .package(path: "../RMQCommon"),
    ],
    targets: [
        .target(name: "RMQStore", dependencies: [.product(name: "RMQCommon", package: "RMQCommon"), .product(name: "CRMQSystem", package: "RMQCommon")], path: "Sources/RMQStore", swiftSettings: settings),
        .testTarget(name: "RMQStoreTests", dependencies: ["RMQStore", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "CRMQSystem", package: "RMQCommon"), .product(name: "RMQTestSupport", package: "RMQCommon")], path: "Tests/RMQStoreTests", swiftSettings: settings),
        .target(name: "RMQStoreTool", dependencies: ["RMQStore", .product(name: "RMQCommon", package: "RMQCommon")], path: "Sources/RMQStoreTool", swiftSettings: settings),
        .target(name: "RMQStoreBench", dependencies: ["RMQStore", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "CRMQSystem", package: "RMQCommon")], path: "Sources/RMQStoreBench", swiftSettings: settings),
        .testTarget(name: "RMQStoreToolTests", dependencies: ["RMQStoreTool", "RMQStore", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQTestSupport", package: "RMQCommon")], path: "Tests/RMQStoreToolTests", swiftSettings: settings),
        .executableTarget(name: "StoreWorkload", dependencies: ["RMQStore", .product(name: "RMQCommon", package: "RMQCommon")], path: "Tests/StoreWorkload", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
