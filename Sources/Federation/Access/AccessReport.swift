internal import FederationConfig
internal import FederationCore

/// What `status` says of a running node's doors: who is asked for what, how its certificate stands, and how often
/// somebody was turned away.
struct AccessReport: Sendable {
    var keySource: AccessKeys.Source?
    var listen: ListenAddress?
    var certificate: NodeAccess.CertificateFacts?
    var standing: CertificateStanding?
    var refused: RefusedRequests

    init(_ access: NodeAccess, listen: ListenAddress?, now: WallTime) {
        keySource = access.keySource
        self.listen = listen
        certificate = access.certificate
        standing = certificate.map { CertificateStanding(of: $0.validity, at: now) }
        refused = access.refused
    }

    func write(to writer: inout JSONWriter) {
        if let keySource { writer.member("ring_key", keySource.rawValue) }
        if let certificate, let standing {
            writer.key("tls")
            writer.object {
                if let listen { $0.member("listen", listen.description) }
                $0.member("key", "sha256:" + certificate.key.hex)
                $0.member("ends", WallTime(milliseconds: certificate.validity.upperBound * 1000).rfc3339)
                $0.member("days_left", standing.daysLeft)
                switch standing {
                case .good: break
                case .ending(_, let within): $0.member("ends_within", within)
                case .expired, .notYet: $0.member("fault", standing.fault ?? "")
                }
            }
        }
        guard refused.total > 0 else { return }
        writer.key("refused_requests")
        writer.object { object in
            for cause in RefusedRequests.Cause.allCases where refused[cause] > 0 {
                object.member(cause.rawValue, refused[cause])
            }
        }
    }
}
