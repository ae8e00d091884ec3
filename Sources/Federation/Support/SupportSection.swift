/// What `federation support` writes down, part by part. Nothing else is in the file.
package enum SupportSection: String, Sendable, CaseIterable {
    case program, environment, configuration, check, status, why, quarantine, database, files, metrics, log

    /// What is in it, for people who decide whether to send it.
    package var holds: String {
        switch self {
        case .program: "the program's version, the system's, the processors and the memory, and the libraries that are loaded"
        case .environment: "which variables that concern the program are set; never what they say"
        case .configuration: "the configuration's values, or where its problems are; never what a key file holds"
        case .check: "what 'federation check' finds"
        case .status: "what 'federation status' says: the node, each peer's health and reasons, clocks, holes, counts"
        case .why: "what is known of why each peer is not in step, untried: reason, since when, how often, next try, what mends it"
        case .quarantine: "for what reasons events are not applied, by peer; no event, no record"
        case .database: "versions, sizes, rows of each table, and whether SQLite finds the file sound"
        case .files: "names, sizes and modes of the files in the data directory; nothing of what is in them"
        case .metrics: "what '/metrics' says"
        case .log: "the last lines that the daemon has logged, or the end of the file that --log names"
        }
    }
}
