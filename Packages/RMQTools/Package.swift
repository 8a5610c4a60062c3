// swift-tools-version: 6.2
// RMQTools: the admin commands. The umbrella manifest at the root declares the same targets; Tools/check-workspace compares them.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "RMQTools",
    products: [
        .library(name: "RMQTools", targets: ["RMQTools"]),
    ],
    dependencies: [
        .package(path: "../RMQCommon"),
        .package(path: "../RMQRemoting"),
        .package(path: "../RMQClient"),
    ],
    targets: [
        .target(name: "RMQTools", dependencies: [.product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQClient", package: "RMQClient"), .product(name: "CRMQSystem", package: "RMQCommon")], path: "Sources/RMQTools", swiftSettings: settings),
        .testTarget(name: "RMQToolsTests", dependencies: ["RMQTools", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQRemoting", package: "RMQRemoting"), .product(name: "RMQClient", package: "RMQClient"), .product(name: "CRMQSystem", package: "RMQCommon"), .product(name: "RMQTestSupport", package: "RMQCommon")], path: "Tests/RMQToolsTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
