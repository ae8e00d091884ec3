import FederationCore

/// What `status` says of a node's doors, as text.
enum AccessText {
    static func rows(_ status: JSON) -> [[String]] {
        var rows: [[String]] = []
        switch status.text("ring_key") {
        case "env": rows.append(["ring key", "from the environment"])
        case "file": rows.append(["ring key", "from its file"])
        default: break
        }
        if let tls = status["tls"] {
            let listen = tls.text("listen")
            rows.append(["TLS", listen.isEmpty ? "(not listening)" : listen])
            rows.append(["certificate", certificate(tls)])
        }
        let refused = status["refused_requests"]?.members ?? []
        if !refused.isEmpty {
            let counts = refused.map { "\(grouped($0.value.integer ?? 0)) \(words($0.key))" }
            rows.append(["turned away", counts.joined(separator: ", ")])
        }
        return rows
    }

    private static func certificate(_ tls: JSON) -> String {
        let ends = tls.text("ends")
        switch tls.text("fault") {
        case "expired": return "⚠ expired at \(ends): no peer takes it"
        case "not_yet": return "⚠ does not hold yet: no peer takes it"
        default: break
        }
        let left = "ends at \(ends), in \(counted(tls.count("days_left"), "day"))"
        return tls["ends_within"] == nil ? left : "⚠ \(left): renew it"
    }

    private static func words(_ cause: String) -> String {
        switch cause {
        case "bad_host", "foreign_host": "for another host"
        case "foreign_origin": "of web pages"
        case "key": "without the right key"
        case "certificate": "without the right certificate"
        case "contradiction": "with one peer's key and another's certificate"
        case "rate": "too many at once"
        case "proof": "with a proof that does not hold"
        case "malformed": "that could be read in two ways"
        case "too_large": "too long"
        case "busy": "for which there was no room"
        case "slow": "too slow"
        case "unfinished": "without their end"
        case "connections": "from an address with too many connections"
        case "unread": "whose answer was not read"
        case "holds": "that wished to wait and could not"
        case "position": "from positions of another log"
        case "path": "of paths that are none"
        case "method": "by other methods"
        case "request": "that are none"
        case "push": "with pages that were not to be brought"
        case "call": "of tools that are none"
        default: cause
        }
    }
}
