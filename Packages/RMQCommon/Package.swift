// swift-tools-version: 6.2
// RMQCommon: the vocabulary. The umbrella manifest at the root declares the same targets; Tools/check-workspace compares them.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "RMQCommon",
    products: [
        .library(name: "RMQCommon", targets: ["RMQCommon"]),
        .library(name: "CRMQSystem", targets: ["CRMQSystem"]),
    ],
    targets: [
        .target(name: "CRMQSystem", path: "Sources/CRMQSystem"),
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "RMQCommon", dependencies: ["CRMQSystem", "CZlib"], path: "Sources/RMQCommon", swiftSettings: settings),
        .testTarget(name: "RMQCommonTests", dependencies: ["RMQCommon", "CRMQSystem", "CZlib"], path: "Tests/RMQCommonTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
