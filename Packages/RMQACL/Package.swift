// swift-tools-version: 6.2
// RMQACL: access control. The umbrella manifest at the root declares the same targets; Tools/check-workspace compares them.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "RMQACL",
    products: [
        .library(name: "RMQACL", targets: ["RMQACL"]),
    ],
    dependencies: [
        .package(path: "../RMQCommon"),
        .package(path: "../RMQRemoting"),
    ],
    targets: [
        .systemLibrary(name: "CYAML", path: "Sources/CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "RMQACL", dependencies: ["CYAML", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQRemoting", package: "RMQRemoting")], path: "Sources/RMQACL", swiftSettings: settings),
        .testTarget(name: "RMQACLTests", dependencies: ["RMQACL", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQRemoting", package: "RMQRemoting"), .product(name: "RMQTestSupport", package: "RMQCommon")], path: "Tests/RMQACLTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
