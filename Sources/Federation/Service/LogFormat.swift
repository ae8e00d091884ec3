package import FederationConfig
internal import Glibc

extension Logger.Format {
    /// What the configuration or the command line asks for; `auto` is for the journal where that reads standard error.
    package init(_ format: Config.LogFormat) {
        switch format {
        case .auto: self = Logger.Format.journalReads(STDERR_FILENO) ? .journal : .text
        case .text: self = .text
        case .journal: self = .journal
        case .json: self = .json
        }
    }

    /// What a daemon of this configuration logs in, also where the file has problems.
    package init(asked: Config.LogFormat?, configPath: String) {
        self.init(asked ?? (try? ConfigFile.load(configPath))?.config.log.format ?? .auto)
    }

    /// Whether a descriptor is the stream that systemd has connected to its journal: device and inode as `JOURNAL_STREAM`
    /// names them. A program that is only started from such a service, with its output elsewhere, is not taken in by it.
    private static func journalReads(_ descriptor: Int32) -> Bool {
        guard let stream = getenv("JOURNAL_STREAM").map({ String(cString: $0) }) else { return false }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }
}
