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
        var routes = NoemaRoutes(context: context, view: view, remoteAddress: request.remoteAddress)
        var reply = try routes.reply(to: request)
        if let announcement = routes.announcement {
            var commit = RouteCommit(peerName: "")
            commit.announcement = announcement
            reply.commit = commit
        }
        return reply
    }
}
