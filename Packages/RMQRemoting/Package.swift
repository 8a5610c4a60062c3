// swift-tools-version: 6.2
// RMQRemoting: the network. The umbrella manifest at the root declares the same targets; Tools/check-workspace compares them.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "RMQRemoting",
    products: [
        .library(name: "RMQRemoting", targets: ["RMQRemoting"]),
    ],
    dependencies: [
        .package(path: "../RMQCommon"),
    ],
    targets: [
        .systemLibrary(name: "CSSL", path: "Sources/CSSL", pkgConfig: "libssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "RMQRemoting", dependencies: ["CSSL", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "CRMQSystem", package: "RMQCommon")], path: "Sources/RMQRemoting", swiftSettings: settings),
        .testTarget(name: "RMQRemotingTests", dependencies: ["RMQRemoting", "CSSL", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "CRMQSystem", package: "RMQCommon"), .product(name: "RMQTestSupport", package: "RMQCommon")], path: "Tests/RMQRemotingTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
