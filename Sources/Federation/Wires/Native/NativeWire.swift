public import FederationCore

/// The wire between two `federation` nodes: events in order of arrival, as lines of JSON (`docs/protocol.md`).
public struct NativeWire: Wire {
    public init() {}

    public var name: WireName { .native }
    public var routes: [String] { ["/federation/v1"] }

    public func exchange() -> any Exchange { NativeExchange() }

    public func respond(
        to request: ServedRequest, context: RouteContext, view: any LogReading
    ) throws(StoreFailure) -> RouteReply {
        try NativeRoutes(node: context.node, view: view, sha256: context.sha256, mayHold: context.mayHold)
            .respond(to: request)
    }
}
