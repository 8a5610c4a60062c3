// swift-tools-version: 6.3
import PackageDescription

// Sees what the examples of CONTRIBUTING.md did. It builds only in the copy that examples.py makes.
let package = Package(
    name: "Examples",
    dependencies: [
        .package(path: "../../../Packages/RMQCommon"), .package(path: "../../../Packages/RMQRemoting"), .package(path: "../../../Packages/RMQClient"),
        .package(path: "../../../Packages/RMQBroker"), .package(path: "../../../Packages/RMQTools"),
    ],
    targets: [
        .executableTarget(name: "Examples", dependencies: ["RMQCommon", "RMQRemoting", "RMQClient", "RMQBroker", "RMQTools"])
    ],
    swiftLanguageModes: [.v6])
