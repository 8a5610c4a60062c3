// swift-tools-version: 6.2
// The whole workspace as one package: every module of Packages/ as a target, the apps, and all tests.
// A manifest with path dependencies cannot be depended on by version, so the targets are declared here a second time;
// Tools/check-workspace fails the tests when this file and Packages/*/Package.swift disagree.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "RocketMQ",
    products: [
        .library(name: "RMQClient", targets: ["RMQClient"]),
        .executable(name: "mqnamesrv", targets: ["mqnamesrv"]),
        .executable(name: "mqbroker", targets: ["mqbroker"]),
        .executable(name: "mqadmin", targets: ["mqadmin"]),
        .executable(name: "mqbench", targets: ["mqbench"]),
        .executable(name: "mqstore", targets: ["mqstore"]),
    ],
    targets: [
        .target(name: "CRMQSystem", path: "Packages/RMQCommon/Sources/CRMQSystem"),
        .systemLibrary(name: "CDeflate", path: "Packages/RMQCommon/Sources/CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
        .systemLibrary(name: "CCrypto", path: "Packages/RMQCommon/Sources/CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "RMQCommon", dependencies: ["CRMQSystem", "CDeflate", "CCrypto"], path: "Packages/RMQCommon/Sources/RMQCommon", swiftSettings: settings),
        .target(name: "RMQTestSupport", dependencies: ["RMQCommon", "CRMQSystem"], path: "Packages/RMQCommon/Sources/RMQTestSupport", swiftSettings: settings),
        .testTarget(name: "RMQCommonTests", dependencies: ["RMQCommon", "CRMQSystem", "CDeflate", "RMQTestSupport"], path: "Packages/RMQCommon/Tests/RMQCommonTests", swiftSettings: settings),
        .systemLibrary(name: "CSSL", path: "Packages/RMQRemoting/Sources/CSSL", pkgConfig: "libssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "RMQRemoting", dependencies: ["CSSL", "RMQCommon", "CRMQSystem"], path: "Packages/RMQRemoting/Sources/RMQRemoting", swiftSettings: settings),
        .testTarget(name: "RMQRemotingTests", dependencies: ["RMQRemoting", "CSSL", "RMQCommon", "CRMQSystem", "RMQTestSupport"], path: "Packages/RMQRemoting/Tests/RMQRemotingTests", swiftSettings: settings),
        .target(name: "RMQStore", dependencies: ["RMQCommon", "CRMQSystem"], path: "Packages/RMQStore/Sources/RMQStore", swiftSettings: settings),
        .testTarget(name: "RMQStoreTests", dependencies: ["RMQStore", "RMQCommon", "CRMQSystem", "RMQTestSupport"], path: "Packages/RMQStore/Tests/RMQStoreTests", swiftSettings: settings),
        .target(name: "RMQStoreTool", dependencies: ["RMQStore", "RMQCommon"], path: "Packages/RMQStore/Sources/RMQStoreTool", swiftSettings: settings),
        .target(name: "RMQStoreBench", dependencies: ["RMQStore", "RMQCommon", "CRMQSystem"], path: "Packages/RMQStore/Sources/RMQStoreBench", swiftSettings: settings),
        .testTarget(name: "RMQStoreToolTests", dependencies: ["RMQStoreTool", "RMQStore", "RMQCommon", "RMQTestSupport"], path: "Packages/RMQStore/Tests/RMQStoreToolTests", swiftSettings: settings),
        .executableTarget(name: "StoreWorkload", dependencies: ["RMQStore", "RMQCommon"], path: "Packages/RMQStore/Tests/StoreWorkload", swiftSettings: settings),
        .target(name: "RMQFilter", dependencies: ["RMQCommon"], path: "Packages/RMQFilter/Sources/RMQFilter", swiftSettings: settings),
        .testTarget(name: "RMQFilterTests", dependencies: ["RMQFilter", "RMQCommon", "RMQTestSupport"], path: "Packages/RMQFilter/Tests/RMQFilterTests", swiftSettings: settings),
        .systemLibrary(name: "CYAML", path: "Packages/RMQACL/Sources/CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "RMQACL", dependencies: ["CYAML", "RMQCommon", "RMQRemoting"], path: "Packages/RMQACL/Sources/RMQACL", swiftSettings: settings),
        .testTarget(name: "RMQACLTests", dependencies: ["RMQACL", "RMQCommon", "RMQRemoting", "RMQTestSupport"], path: "Packages/RMQACL/Tests/RMQACLTests", swiftSettings: settings),
        .target(name: "RMQNamesrv", dependencies: ["RMQCommon", "RMQRemoting", "RMQACL", "CRMQSystem"], path: "Packages/RMQNamesrv/Sources/RMQNamesrv", swiftSettings: settings),
        .testTarget(name: "RMQNamesrvTests", dependencies: ["RMQNamesrv", "RMQCommon", "RMQRemoting", "RMQACL", "CRMQSystem", "RMQTestSupport"], path: "Packages/RMQNamesrv/Tests/RMQNamesrvTests", swiftSettings: settings),
        .target(name: "RMQClient", dependencies: ["RMQCommon", "RMQRemoting", "CRMQSystem"], path: "Packages/RMQClient/Sources/RMQClient", swiftSettings: settings),
        .target(name: "RMQBench", dependencies: ["RMQClient", "RMQCommon", "RMQRemoting", "CRMQSystem"], path: "Packages/RMQClient/Sources/RMQBench", swiftSettings: settings),
        .testTarget(name: "RMQClientTests", dependencies: ["RMQClient", "RMQBench", "RMQCommon", "RMQRemoting", "CRMQSystem", "RMQTestSupport"], path: "Packages/RMQClient/Tests/RMQClientTests", swiftSettings: settings),
        .target(name: "RMQBroker", dependencies: ["RMQCommon", "RMQRemoting", "RMQStore", "RMQFilter", "RMQACL", "CRMQSystem"], path: "Packages/RMQBroker/Sources/RMQBroker", swiftSettings: settings),
        .testTarget(name: "RMQBrokerTests", dependencies: ["RMQBroker", "RMQCommon", "RMQRemoting", "RMQStore", "RMQFilter", "RMQACL", "CRMQSystem", "RMQTestSupport"], path: "Packages/RMQBroker/Tests/RMQBrokerTests", swiftSettings: settings),
        .target(name: "RMQTools", dependencies: ["RMQCommon", "RMQClient", "CRMQSystem"], path: "Packages/RMQTools/Sources/RMQTools", swiftSettings: settings),
        .testTarget(name: "RMQToolsTests", dependencies: ["RMQTools", "RMQCommon", "RMQRemoting", "RMQClient", "CRMQSystem", "RMQTestSupport"], path: "Packages/RMQTools/Tests/RMQToolsTests", swiftSettings: settings),
        .executableTarget(name: "mqnamesrv", dependencies: ["RMQCommon", "RMQRemoting", "RMQNamesrv"], path: "Apps/mqnamesrv", swiftSettings: settings),
        .executableTarget(name: "mqbroker", dependencies: ["RMQCommon", "RMQRemoting", "RMQBroker", "RMQNamesrv"], path: "Apps/mqbroker", swiftSettings: settings),
        .executableTarget(name: "mqadmin", dependencies: ["RMQCommon", "RMQTools"], path: "Apps/mqadmin", swiftSettings: settings),
        .executableTarget(name: "mqbench", dependencies: ["RMQCommon", "RMQRemoting", "RMQBench"], path: "Apps/mqbench", swiftSettings: settings),
        .executableTarget(name: "mqstore", dependencies: ["RMQCommon", "RMQStoreTool", "RMQStoreBench"], path: "Apps/mqstore", swiftSettings: settings),
        .executableTarget(name: "InteropClient", dependencies: ["RMQClient", "RMQCommon"], path: "Tests/Interop/SwiftClient", swiftSettings: settings),
        .executableTarget(name: "FaultClient", dependencies: ["RMQClient", "RMQCommon"], path: "Tests/Faults/Client", swiftSettings: settings),
        .testTarget(name: "IntegrationTests", dependencies: ["RMQCommon", "RMQRemoting", "RMQStore", "RMQNamesrv", "RMQBroker", "RMQClient", "RMQTestSupport"], path: "Tests/Integration", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
