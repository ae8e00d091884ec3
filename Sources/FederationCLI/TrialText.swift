import FederationCore

/// One trial of a peer in words: its steps, what is wrong, and what mends it.
struct TrialText {
    private let result: JSON
    private let configPath: String

    init(_ result: JSON, _ configPath: String) {
        self.result = result
        self.configPath = configPath
    }

    /// As `sync` ends; 6 where nothing has failed and nothing comes all the same.
    static func status(_ result: JSON) -> ExitStatus {
        if result.isTrue("ok") { return .ok }
        if ["waits_for_person", "copied", "behind"].contains(result.text("code")) { return .identity }
        let reason = result.text("reason")
        return reason.isEmpty ? .degraded : ExitStatus(failures: [Reason(stored: reason)])
    }

    func print(on console: Console) {
        let name = result.text("peer")
        let title = [name, result.text("endpoint")].filter { !$0.isEmpty }.joined(separator: "  ")
        console.print(title)
        console.print(columns(steps))
        let facts = history
        if !facts.isEmpty { console.print("\n" + columns(facts)) }
        guard !result.isTrue("ok") else {
            let waits = result.text("state") == "waiting" ? "; it is polled then, or now by 'federation sync \(name)'" : ""
            console.print("\nevery step goes well" + waits)
            return
        }
        console.print("\n✗ \(result.text("failed")): \(TrialWords.what(result))")
        if !result.text("reason").isEmpty {
            let reason = Reason(stored: result.text("reason"))
            console.print("  reason \(reason.rawValue): \(reason.words); see '\(reason.help)'")
        }
        MendText(configPath: configPath).print(result, on: console)
        for line in result.texts("config_problems") { console.print("⚠ the configuration was not taken: \(line)") }
    }

    private var steps: [[String]] {
        result.items("steps").map { step in
            let name = step.text("step")
            switch step.text("standing") {
            case "passed": return ["  ✓", name, passed(name)]
            case "failed": return ["  ✗", name, result.text("code")]
            case "unneeded": return ["  -", name, TrialWords.unneeded(name)]
            default: return ["  ·", name, "(not reached)"]
            }
        }
    }

    private func passed(_ step: String) -> String {
        let way = result["way"]
        func time(_ key: String) -> String { way?[key] == nil ? "" : " after \(way?.count(key) ?? 0) ms" }
        switch step {
        case "dns": return "found\(time("dns_ms"))"
        case "tcp": return "connected to \(way?.text("address") ?? "")\(time("tcp_ms"))"
        case "tls": return "encrypted\(time("tls_ms"))"
        case "identity": return identity
        case "page":
            let events = counted(result["page"]?.count("events") ?? 0, "event")
            let rest = result["page"]?["remaining"]?.integer.map { ", \(grouped($0)) to follow" } ?? ""
            return result["page"] == nil ? "nothing new" : events + rest
        case "replay": return outcome
        case "commit": return "there is room for it"
        default: return ""
        }
    }

    private var identity: String {
        let identity = result["identity"]
        var text = "\(identity?.text("name") ?? "") \(identity?.text("id") ?? "")"
        if let version = identity?.text("version"), !version.isEmpty { text += ", version \(version)" }
        text += ", wire \(result.text("wire"))"
        let drift = result.count("clock_drift_seconds")
        if abs(drift) >= 2 { text += ", its clock is \(ProgressText.time(.seconds(abs(drift)))) \(drift > 0 ? "ahead" : "behind")" }
        return text
    }

    private var outcome: String {
        let page = result["page"]
        let words = [("applied", "new"), ("duplicates", "known"), ("deferred", "for later")]
        return words.filter { (page?.count($0.0) ?? 0) > 0 }.map { "\(grouped(page?.count($0.0) ?? 0)) \($0.1)" }.joined(separator: ", ")
    }

    private var history: [[String]] {
        var rows: [[String]] = []
        let failures = result.count("consecutive_failures")
        if failures > 0 {
            let since = result.text("failing_since")
            rows.append(["failing", "\(counted(failures, "time")) in a row" + (since.isEmpty ? "" : ", since \(since)")
                + ", the last for \(result.text("last_reason"))"])
        }
        if !result.text("last_success").isEmpty { rows.append(["last success", result.text("last_success")]) }
        if !result.text("last_heard").isEmpty { rows.append(["asked us", result.text("last_heard")]) }
        if result["lag"] != nil { rows.append(["behind", LagText.behind(result["lag"])]) }
        if !result.text("next_poll_in").isEmpty {
            rows.append(["next try", "in \(result.text("next_poll_in"))"])
        } else if result.isTrue("running"), !result.text("state").isEmpty {
            rows.append(["next try", "now: \(result.text("state"))"])
        } else if result["running"] != nil, !result.isTrue("running") {
            rows.append(["next try", "none: no daemon runs ('federation run', or 'federation sync \(result.text("peer"))')"])
        }
        return rows
    }
}

/// What is wrong with one step, as a clause. The facts are those of the case.
enum TrialWords {
    static func what(_ result: JSON) -> String {
        let code = result.text("code")
        let facts = result["facts"]
        func fact(_ key: String) -> String { facts?.text(key) ?? "" }
        switch code {
        case "paused": return "the peer is paused"
        case "comes_to_us": return "it has no endpoint: it comes to us, and cannot be asked from here"
        case "nothing_flows": return "nothing flows: this node's mode is '\(fact("own_mode"))' and the peer's is '\(fact("peer_mode"))'"
        case "copied": return "this database is a copy: the node writes nothing"
        case "behind": return "this database is older than what the node has published: it writes nothing"
        case "key_file": return "a key or certificate cannot be read: \(fact("file"))"
        case "name_unknown": return "the host name is not known"
        case "name_timeout": return "the name server does not answer"
        case "refused": return "nobody listens there, or no network leads there"
        case "connect_timeout": return "nobody answers at the address: a firewall, or a machine that is off"
        case "forbidden_address": return "its address is of the kind '\(fact("address_kind"))', where it may not be"
        case "tls_expired": return "its certificate has ended"
        case "tls_not_yet_valid": return "its certificate is not valid yet, or a clock is wrong"
        case "tls_unknown_authority": return "no authority that this node knows vouches for its certificate"
        case "tls_other_name": return "its certificate is for another name than the endpoint's"
        case "tls_other_pin": return "its TLS key is another than 'tls_pin'"
        case "tls_own_file": return "'ca', or a certificate of this node's own, cannot be used"
        case "tls_handshake": return "what answers there speaks no TLS 1.2 or newer"
        case "no_answer": return "it takes the connection and gives no answer (\(fact("transport")))"
        case "no_node": return "what answers is no node: status \(facts?.count("status") ?? 0)"
        case "no_identity": return "it does not say who it is"
        case "old_manifest": return "its manifest is of version \(facts?.count("manifest") ?? 0), older than 2"
        case "ourselves": return "it is this node itself"
        case "other_node":
            return "node \(fact("shown")) answers, and \(fact("expected")) should (\(source(fact("by"))))"
        case "other_key":
            return "it shows the key \(fact("shown").isEmpty ? "(none)" : fact("shown")), and not \(fact("expected")) (\(source(fact("by"))))"
        case "waits_for_person": return "a person has to say first that it is who it should be"
        case "other_wire": return "it speaks another wire than it did"
        case "key_refused" where result.isTrue("key_withheld"): return "it asks for a key (401), and none was shown to it"
        case "key_refused": return "it does not accept our key (401)"
        case "forbidden" where result.isTrue("key_withheld"): return "it does not let us in (403), and was shown no key or certificate"
        case "forbidden": return "it does not let us in (403)"
        case "secret_missing": return "a secret that the conversation needs is not there"
        case "busy": return "it asks to be left alone for a while (429)"
        case "fetches_nothing": return "it fetches no events: its mode is 'publish', and this node only publishes to it"
        case "serves_nothing": return "it serves no events: its mode is 'subscribe', or it does not serve this node"
        case "status": return "it answers with status \(facts?.count("status") ?? 0)"
        case "broken_off": return "the answer broke off (\(fact("transport")))"
        case "malformed": return "its answer is not what the protocol says"
        case "remote_error": return "it answers with an error"
        case "endless": return "it leads on without end"
        case "disk_full": return "this node's disk is full, or nearly"
        case "store_quota": return "the database has reached 'store.max_size' (\(byteText(facts?.count("limit") ?? 0)))"
        case "store_not_writable": return "the database cannot be written to"
        case "store_damaged": return "the database is damaged"
        case "store_busy": return "another program holds the database"
        case "store": return "the database failed"
        default: return event(code, facts)
        }
    }

    private static func event(_ code: String, _ facts: JSON?) -> String {
        let id = facts?.text("event_id") ?? ""
        let which = id.isEmpty ? "an event" : "event \(id)"
        let held = facts?.count("held") ?? 0
        let refused = facts?.count("refused") ?? 0
        let before = held + refused > 0
            ? "; so far \([(held, "held"), (refused, "refused")].filter { $0.0 > 0 }.map { "\(grouped($0.0)) \($0.1)" }.joined(separator: ", "))"
            : ""
        return "\(which) is not applied: \(code)\(before)"
    }

    private static func source(_ word: String) -> String {
        switch word {
        case "config": "so the configuration says"
        case "paired": "so a person has confirmed"
        case "succession": "which the one before it has signed for: an old copy runs there, or somebody who has the old key"
        default: "which was pinned at first contact"
        }
    }

    static func unneeded(_ step: String) -> String {
        switch step {
        case "dns": "the endpoint is an address"
        case "tls": "the endpoint is http"
        case "page": "by its mode nothing is fetched from it"
        case "verify", "replay": "nothing new"
        case "commit": "there is no node here"
        default: ""
        }
    }
}
