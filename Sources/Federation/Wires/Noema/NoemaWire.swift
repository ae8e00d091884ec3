package import FederationCore

/// The wire of Noema cortexes, both lines: events in order of id, asked for by MCP tool calls (`docs/protocol.md`).
package struct NoemaWire: Wire {
    package init() {}

    package var name: WireName { .noema }
    package var routes: [String] { ["/mcp"] }

    package func exchange() -> any Exchange { NoemaExchange() }

    /// A Noema request names nobody, so it proves no contact; the host may know its address.
    package func respond(
        to request: ServedRequest, context: RouteContext, view: any LogReading
    ) throws(StoreFailure) -> RouteReply {
        try NoemaRoutes(context: context, view: view).reply(to: request)
    }
}
