/// What a node can be asked to do, by its daemon's control socket or in this process.
package enum CommandName: String, Sendable, CaseIterable {
    case put, records, show, events, divergences, resolve
    case archive, unarchive, trash, recover, purge
    case quarantineList = "quarantine-list"
    case quarantineShow = "quarantine-show"
    case quarantineRetry = "quarantine-retry"
    case quarantineDrop = "quarantine-drop"
    case status, peers, sync
    case why
    case history
    case resetPeer = "reset-peer"
    case importBatch = "import-batch"
    case progress
    case forgetOrigin = "forget-origin"
    case trustKey = "trust-key"
    case pair
    case forgetPeer = "forget-peer"
    case reload
    case verify
    case compact
    case importBundle = "import-bundle"
    case exportStart = "export-start"
    case support
    case replayerShow = "replayer-show"
    case replayerChange = "replayer-change"

    /// It changes the database, and so needs the directory's lock where no daemon holds it.
    var writes: Bool {
        switch self {
        case .archive, .unarchive, .trash, .recover, .purge: true
        case .forgetOrigin, .trustKey, .pair: true
        case .put, .resolve, .quarantineRetry, .quarantineDrop, .sync, .resetPeer, .importBatch, .forgetPeer: true
        case .verify: true
        case .compact, .importBundle, .exportStart: true
        case .replayerChange: true
        case .replayerShow: false
        case .records, .show, .events, .divergences, .quarantineList, .quarantineShow, .status, .peers, .progress: false
        case .why: false
        case .support: false
        case .history: false
        // A daemon's own affair.
        case .reload: false
        }
    }

    /// How long its answer may take. What only says how things are takes no part in the work that it is about: a daemon
    /// that does not answer it hangs.
    var patience: Duration {
        switch self {
        case .status, .peers, .progress, .history, .replayerShow: Limits.statusPatience
        default: Limits.controlDeadline
        }
    }

    /// The route of the control socket.
    var target: String { "/control/v1/\(rawValue)" }
}
