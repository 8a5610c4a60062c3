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
        .library(name: "RMQTestSupport", targets: ["RMQTestSupport"]),
    ],
    targets: [
        .target(name: "CRMQSystem", path: "Sources/CRMQSystem"),
        .systemLibrary(name: "CDeflate", path: "Sources/CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
        .systemLibrary(name: "CCrypto", path: "Sources/CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "RMQCommon", dependencies: ["CRMQSystem", "CDeflate", "CCrypto"], path: "Sources/RMQCommon", swiftSettings: settings),
        .target(name: "RMQTestSupport", dependencies: ["RMQCommon", "CRMQSystem"], path: "Sources/RMQTestSupport", swiftSettings: settings),
        .testTarget(name: "RMQCommonTests", dependencies: ["RMQCommon", "CRMQSystem", "CDeflate", "RMQTestSupport"], path: "Tests/RMQCommonTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
