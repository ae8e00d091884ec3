import FederationCore

/// What `status` shows of the numbers of origins.
enum NumbersText {
    static func rows(_ status: JSON, names: [String: String]) -> [[String]] {
        let origins = status.items("origins")
        guard !origins.isEmpty else { return [] }
        func count(_ state: String) -> Int64 { Int64(origins.count { $0.text("numbers") == state }) }
        var facts: [String] = []
        for proof in ["proven", "unconfirmed"] {
            let complete = Int64(origins.count { $0.text("numbers") == "complete" && $0.text("proof") == proof })
            if complete > 0 { facts.append("\(counted(complete, "origin")) complete (\(proof))") }
        }
        if count("missing") > 0 { facts.append("\(grouped(count("missing"))) with holes") }
        if count("none") > 0 { facts.append("\(grouped(count("none"))) without numbers") }
        var rows = [["numbers", facts.joined(separator: ", ")]]
        for origin in origins where origin.text("numbers") == "missing" { rows.append(["", hole(origin, names)]) }
        return rows
    }

    private static func hole(_ origin: JSON, _ names: [String: String]) -> String {
        let id = origin.text("origin")
        let ranges = origin.items("holes").prefix(5).map { hole in
            let (first, last) = (grouped(hole.count("first")), grouped(hole.count("last")))
            return first == last ? first : "\(first) to \(last)"
        }
        let cut = origin.items("holes").count > ranges.count ? ", …" : ""
        let since = origin.text("since").isEmpty ? "" : ", since \(origin.text("since"))"
        return "⚠ \(counted(origin.count("missing"), "event")) of \(names[id] ?? id) not here (\(origin.text("proof"))): "
            + "\(ranges.joined(separator: ", "))\(cut)\(since)"
    }
}
