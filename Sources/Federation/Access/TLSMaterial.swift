internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import Glibc

/// What a TLS listener shows and asks for, read from the files that the configuration names, and found to fit.
struct TLSMaterial: Sendable {
    var certificate: ServerCertificate
    var facts: Certificate
    var authority: ClientAuthority?
    var authorityDigest: Digest?

    /// - Throws: `tls_file` for a file that cannot be used, also a certificate out of time.
    init?(_ config: Config, beside configPath: String, now: WallTime) throws(CommandFailure) {
        guard let chainName = config.tls.certificate, let keyName = config.tls.key else { return nil }
        let chainPath = AccessFile.path(chainName, beside: configPath)
        let keyPath = AccessFile.path(keyName, beside: configPath)
        let chain = try TLSMaterial.read(chainPath)
        var key: [UInt8]
        do throws(KeyFileFailure) { key = try KeyFile.readPEM(keyPath) } catch {
            let facts = CommandFailure(error, path: keyPath).facts
            throw CommandFailure(.tlsFile, facts.merging(["case": "key_" + (facts["case"] ?? "")]) { $1 })
        }
        defer { wipe(&key) }
        do throws(Certificate.Failure) {
            facts = try Certificate(pem: chain)
            try Certificate.check(chain, fits: key)
        } catch {
            let isKeys = error == .noKey
            throw CommandFailure(.tlsFile, ["file": isKeys ? keyPath : chainPath, "case": error.word, "key": keyPath])
        }
        if let fault = CertificateStanding(of: facts.validity, at: now).fault {
            throw CommandFailure(.tlsFile, ["file": chainPath, "case": fault])
        }
        do throws(ServerCertificate.Failure) { certificate = try ServerCertificate(pem: chain, key: key) } catch {
            throw CommandFailure(.tlsFile, ["file": chainPath, "case": "unusable"])
        }
        if let name = config.tls.clientAuthority {
            let path = AccessFile.path(name, beside: configPath)
            let pem = (try? ConfigFile.read(path)) ?? []
            authorityDigest = sha256(pem)
            do throws(ClientAuthority.Failure) { authority = try ClientAuthority(pem: pem) } catch {
                throw CommandFailure(.tlsFile, ["file": path, "case": "no_certificate"])
            }
        }
    }

    private static func read(_ path: String) throws(CommandFailure) -> [UInt8] {
        do throws(ConfigFailure) { return try ConfigFile.read(path) } catch {
            throw CommandFailure(.tlsFile, ["file": path, "case": error == .notFound ? "missing" : "unreadable"])
        }
    }
}

extension Certificate.Failure {
    fileprivate var word: String {
        switch self {
        case .noCertificate: "no_certificate"
        case .noKey: "no_key"
        case .keyMismatch: "key_mismatch"
        case .crypto: "unusable"
        }
    }
}
