// swift-tools-version: 6.2
// One runnable program per use, each as an application would write it: it imports RMQClient and nothing else of this project.
// `./run` runs them all against a server of its own; README.md says what each shows.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// Folders of Sources; Tools/check-workspace compares them.
let programs = [
    "SendOne", "ReceiveOne", "ConcurrentSends", "BatchSends", "OrderedSends", "DelayedSends", "OnewaySends", "TagFilter", "SQLFilter", "Broadcast",
    "Namespaces", "AdminTour", "Transactions", "RequestReply", "OrderedConsumer", "LitePull", "AssignedQueues", "Traces", "SignedSends",
]

let package = Package(
    name: "Examples",
    dependencies: [.package(path: "../../Packages/RMQClient")],
    targets: programs.map { .executableTarget(name: $0, dependencies: ["RMQClient"], swiftSettings: settings) },
    swiftLanguageModes: [.v6]
)
