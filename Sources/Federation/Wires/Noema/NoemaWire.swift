public import FederationCore

/// The wire of Noema cortexes, both lines: events in order of id, asked for by MCP tool calls (`docs/protocol.md`).
public struct NoemaWire: Wire {
    public init() {}

    public var name: WireName { .noema }
    public var routes: [String] { ["/mcp"] }

    public func exchange() -> any Exchange { NoemaExchange() }

    /// A Noema request names nobody, so it proves no contact; the host may know its address.
    public func respond(
        to request: ServedRequest, context: RouteContext, view: any LogReading
    ) throws(StoreFailure) -> RouteReply {
        RouteReply(try NoemaRoutes(context: context, view: view).respond(to: request))
    }
}
