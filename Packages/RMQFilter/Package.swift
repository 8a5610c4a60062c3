// swift-tools-version: 6.2
// RMQFilter: subscription filters. The umbrella manifest at the root declares the same targets; Tools/check-workspace compares them.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "RMQFilter",
    products: [
        .library(name: "RMQFilter", targets: ["RMQFilter"]),
    ],
    dependencies: [
        .package(path: "../RMQCommon"),
    ],
    targets: [
        .target(name: "RMQFilter", dependencies: [.product(name: "RMQCommon", package: "RMQCommon")], path: "Sources/RMQFilter", swiftSettings: settings),
        .testTarget(name: "RMQFilterTests", dependencies: ["RMQFilter", .product(name: "RMQCommon", package: "RMQCommon"), .product(name: "RMQTestSupport", package: "RMQCommon")], path: "Tests/RMQFilterTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
