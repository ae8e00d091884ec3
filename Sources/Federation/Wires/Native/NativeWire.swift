package import FederationCore

/// The wire between two `federation` nodes: events in order of arrival, as lines of JSON (`docs/protocol.md`).
package struct NativeWire: Wire {
    package init() {}

    package var name: WireName { .native }
    package var routes: [String] { ["/federation/v1"] }

    package func exchange() -> any Exchange { NativeExchange() }

    package func respond(
        to request: ServedRequest, context: RouteContext, view: any LogReading
    ) throws(StoreFailure) -> RouteReply {
        try NativeRoutes(node: context.node, view: view, context: context).respond(to: request)
    }
}
