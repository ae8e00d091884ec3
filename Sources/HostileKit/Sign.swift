package import FederationCore

/// What a node shows of an attack: in `status --json`, and of single events in `quarantine list --json`.
package enum Sign: Hashable, Sendable {
    /// The poll fails: `consecutive_failures` counts it and `last_error.reason` says why.
    case fails(Reason)
    /// An event is not taken, and kept as evidence under this code.
    case refuses(String)
    /// An event is in the log and not applied, under this code.
    case holds(String)
    /// An event waits for its time.
    case defers
    /// The node's own list of warnings has this code.
    case warns(String)
    /// The peer's origin is named among those that gave one number to two events.
    case equivocates
    /// Numbers of the peer's origin, or of one that it relays, are missing (`gaps`).
    case gap
    /// The peer's `unproven_attestations` counts what it said of histories that nothing here bears out.
    case refusesAttestations
    /// The peer asks to be left alone: its `state` is `busy`.
    case isBusy
    /// A comparison of the logs failed: `failed_comparisons` counts it.
    case failsComparison
    /// The conversation in which we bring events to the peer waits, with this reason (`push.reason`).
    case pushFails(Reason)
    /// `refused_requests` counts a request under this cause.
    case counts(RefusedRequests.Cause)

    package var text: String {
        switch self {
        case .fails(let reason): "last_error.reason \(reason.rawValue)"
        case .refuses(let code): "quarantine refused \(code)"
        case .holds(let code): "quarantine held \(code)"
        case .defers: "quarantine deferred"
        case .warns(let code): "warnings \(code)"
        case .equivocates: "equivocations"
        case .gap: "gaps"
        case .refusesAttestations: "unproven_attestations"
        case .isBusy: "state busy"
        case .failsComparison: "failed_comparisons"
        case .pushFails(let reason): "push.reason \(reason.rawValue)"
        case .counts(let cause): "refused_requests.\(cause.rawValue)"
        }
    }
}
