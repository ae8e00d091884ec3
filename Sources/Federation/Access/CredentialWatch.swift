internal import FederationCore
internal import FederationStore
internal import Synchronization

/// Takes in key and certificate files that were exchanged while the node runs, and says in time when a certificate ends.
struct CredentialWatch: Sendable {
    let node: Node

    private static let looking = Duration.seconds(5)
    /// A certificate's end is told again this often.
    private static let reminding: Int64 = 24 * 3600 * 1000

    func run() async {
        var isSaid = false
        var reminded: WallTime?
        while !Task.isCancelled {
            if node.access.isStale {
                do throws(CommandFailure) {
                    try node.takeAccess()
                    node.reconfigurePollers()
                    node.logger.info("keys and certificates were read again")
                    isSaid = false
                    reminded = nil
                } catch {
                    if !isSaid {
                        node.logger.error(
                            "a key or certificate file cannot be used; what was read before stays",
                            ["code": error.code.rawValue, "file": error.facts["file"] ?? ""])
                    }
                    isSaid = true
                }
            }
            let now = SystemClock.now()
            if reminded.map({ now.milliseconds - $0.milliseconds >= CredentialWatch.reminding }) ?? true {
                reminded = now
                remind(now)
            }
            try? await Task.sleep(for: CredentialWatch.looking)
        }
    }

    private func remind(_ now: WallTime) {
        guard let certificate = node.access.certificate else { return }
        switch CertificateStanding(of: certificate.validity, at: now) {
        case .good: break
        case .ending(let days, let within):
            if within <= 7 {
                node.logger.error("the certificate ends soon", ["file": certificate.file, "days": String(days)])
            } else {
                node.logger.warning("the certificate ends", ["file": certificate.file, "days": String(days)])
            }
        case .expired: node.logger.error("the certificate has expired", ["file": certificate.file])
        case .notYet: node.logger.error("the certificate does not hold yet", ["file": certificate.file])
        }
    }
}

extension Node {
    /// Reads the keys and certificates that the running configuration names.
    func takeAccess() throws(CommandFailure) {
        let isOther = try takingAccess.withLock { (_) throws(CommandFailure) in
            // One after the other: or what an older configuration named would be taken after what a newer one does.
            try access.take(config, beside: opened.file.path, now: SystemClock.now())
        }
        // Whoever is held and may not ask any more is told so now.
        if isOther { store.commits.wakeAll() }
    }
}
