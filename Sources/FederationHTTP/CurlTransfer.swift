internal import CCurl
internal import FederationCore
internal import Glibc

/// One easy handle, from its options to its answer. Lives on the loop's thread and owns what it gives to libcurl.
///
/// Handles are not used twice: libcurl 7.88 never clears the system error of an earlier transfer
/// (`CURLINFO_OS_ERRNO`), and a reset would be told where none was. What is costly, the connections, is the multi
/// handle's and stays.
@safe final class CurlTransfer {
    /// Why the transfer cannot begin.
    private(set) var problem: TransportFailure?
    /// SAFETY: freed in `deinit` only, after the loop took it out of the multi handle.
    let easy: UnsafeMutableRawPointer?

    private let job: CurlJob
    /// libcurl reads it during the whole transfer.
    private var fieldList: UnsafeMutablePointer<curl_slist>?
    private var resolvedList: UnsafeMutablePointer<curl_slist>?
    /// An address that was not connected to, and why.
    fileprivate(set) var forbidden: AddressKind?
    private var head = AnswerHead()
    private var body: AnswerBody
    /// Why a callback of ours broke the transfer off.
    private var breach: TransportFailure?

    init(_ job: CurlJob, in room: AnswerRoom) {
        self.job = job
        body = AnswerBody(of: job.request, in: job.unixSocket == nil ? room : nil)
        unsafe easy = curl_easy_init()
        problem = configure()
    }

    deinit {
        unsafe curl_easy_cleanup(easy)
        wipeFields()
        unsafe curl_slist_free_all(fieldList)
        unsafe curl_slist_free_all(resolvedList)
    }

    /// The job's id, which `configure` left with the easy handle.
    static func id(of easy: UnsafeMutableRawPointer?) -> UInt64 {
        var token: UnsafeMutableRawPointer?
        unsafe ccurl_get_private(easy, &token)
        return UInt64(UInt(bitPattern: token))
    }

    func end(_ result: Result<CurlClient.Answer, TransportFailure>) { job.continuation.resume(returning: result) }

    /// What the transfer came to, once libcurl is done with it.
    func result(_ code: CURLcode) -> Result<CurlClient.Answer, TransportFailure> {
        if let route = job.route { unsafe route(RouteFacts(of: easy, code)) }
        if let breach { return .failure(breach) }
        if code == CURLE_FILESIZE_EXCEEDED { return .failure(.answerTooLarge(limit: job.request.maxAnswerBytes)) }
        if code == CURLE_COULDNT_CONNECT, let forbidden { return .failure(.forbiddenAddress(forbidden)) }
        guard code == CURLE_OK else {
            var systemError = 0
            unsafe ccurl_get_long(easy, CURLINFO_OS_ERRNO, &systemError)
            return .failure(TransportFailure(code, systemError: systemError))
        }
        // libcurl takes a connection that ends amid the header section for a whole answer.
        guard head.isWhole else { return .failure(.endOfFile) }
        guard (200...999).contains(head.status) else { return .failure(.malformedAnswer) }
        var fields = head.fields
        if let problem = body.problem(atEndOf: &fields) { return .failure(problem) }
        var address: UnsafePointer<CChar>?
        unsafe ccurl_get_string(easy, CURLINFO_PRIMARY_IP, &address)
        return .success(
            CurlClient.Answer(
                response: HTTPResponse(status: head.status, fields: fields, body: body.bytes),
                peerAddress: unsafe address.map { unsafe String(cString: $0) } ?? ""))
    }

    // MARK: Options

    private func configure() -> TransportFailure? {
        guard unsafe easy != nil else { return .other(code: Int(CURLE_FAILED_INIT.rawValue)) }
        guard let url = CurlText.url(endpoint: job.endpoint, target: job.request.target) else {
            return .other(code: Int(CURLE_URL_MALFORMAT.rawValue))
        }
        guard let lines = CurlText.fieldLines(job.request) else {
            return .other(code: Int(CURLE_BAD_FUNCTION_ARGUMENT.rawValue))
        }
        var options = unsafe CurlOptions(easy: easy)
        options.set(CURLOPT_URL, url)
        if let path = job.unixSocket { options.set(CURLOPT_UNIX_SOCKET_PATH, path) }
        setTransport(&options)
        setCredentials(&options)
        setBounds(&options)
        setMessage(&options, lines: lines)
        setCallbacks(&options)
        setAddresses(&options)
        return options.firstFailure.map { .other(code: Int($0.rawValue)) }
    }

    private func setTransport(_ options: inout CurlOptions) {
        options.set(CURLOPT_PROTOCOLS_STR, "http,https")
        options.set(CURLOPT_FOLLOWLOCATION, 0)
        // A proxy of the environment would read what peers tell each other, would answer in their place, and its
        // address would be taken for the peer's.
        options.set(CURLOPT_PROXY, "")
        // libcurl's resolver time-outs would otherwise use SIGALRM, in a process full of threads.
        options.set(CURLOPT_NOSIGNAL, 1)
        // Ending a transfer must not wait for its resolver thread, or one dead name server would hold up all others.
        options.set(CURLOPT_QUICK_EXIT, 1)
        options.set(CURLOPT_TCP_KEEPALIVE, 1)
        // A held request waits in silence: a link that is dead is noticed, and one through a NAT is kept open.
        options.set(CURLOPT_TCP_KEEPIDLE, 20)
        options.set(CURLOPT_TCP_KEEPINTVL, 5)
        options.set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        // Secrets in a URL end up in logs.
        options.set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        // The target is sent as the wire wrote it: "/a/../b" is the server's affair.
        options.set(CURLOPT_PATH_AS_IS, 1)
    }

    private func setCredentials(_ options: inout CurlOptions) {
        let credentials = job.credentials
        if let path = credentials.authority {
            options.set(CURLOPT_CAINFO, path)
            // Without the system's own directory beside it.
            options.setNone(CURLOPT_CAPATH)
        }
        // libcurl would keep what it read for a day, and a changed file would change nothing.
        options.set(CURLOPT_CA_CACHE_TIMEOUT, 0)
        if let pin = credentials.pin {
            options.set(CURLOPT_PINNEDPUBLICKEY, "sha256//" + String(decoding: Base64.encode(pin.bytes), as: UTF8.self))
        }
        if let (chain, key) = credentials.certificate {
            options.set(CURLOPT_SSLCERT, chain)
            options.set(CURLOPT_SSLKEY, key)
        }
    }

    /// The fields' copy of a secret is ours; libcurl's own go with its connection.
    private func wipeFields() {
        var node = unsafe fieldList
        while let field = unsafe node {
            unsafe explicit_bzero(field.pointee.data, strlen(field.pointee.data))
            unsafe node = field.pointee.next
        }
    }

    private func appendBearer(_ secret: Secret, _ options: inout CurlOptions) {
        let isText = unsafe secret.withBytes { unsafe $0.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
        guard isText else { return options.fail(CURLE_BAD_FUNCTION_ARGUMENT) }
        var line = Array("Authorization: Bearer ".utf8)
        line.reserveCapacity(line.count + secret.count + 1)
        unsafe secret.withBytes { unsafe line.append(contentsOf: $0) }
        line.append(0)
        unsafe line.withUnsafeMutableBytes { bytes in
            let text = unsafe bytes.assumingMemoryBound(to: CChar.self).baseAddress
            if let longer = unsafe curl_slist_append(fieldList, text) {
                unsafe fieldList = longer
            } else {
                options.fail(CURLE_OUT_OF_MEMORY)
            }
            if let start = bytes.baseAddress { unsafe explicit_bzero(start, bytes.count) }
        }
    }

    private func setBounds(_ options: inout CurlOptions) {
        let deadline = job.request.deadline
        options.set(CURLOPT_TIMEOUT_MS, max(1, deadline.boundedMilliseconds))
        options.set(CURLOPT_CONNECTTIMEOUT_MS, max(1, min(deadline, CurlText.longestConnect).boundedMilliseconds))
        // By Content-Length, before the first byte of the body. 0 would mean no bound; then the callback is the bound.
        options.set(CURLOPT_MAXFILESIZE_LARGE, offset: max(job.request.maxAnswerBytes, 0))
        options.set(CURLOPT_BUFFERSIZE, 64 << 10)
    }

    private func setMessage(_ options: inout CurlOptions, lines: [String]) {
        let request = job.request
        let sendsBody = !request.body.isEmpty || request.method == .post || request.method == .put
        if sendsBody {
            options.set(CURLOPT_POSTFIELDSIZE_LARGE, offset: request.body.count)
            options.setBody(request.body)
        } else {
            options.set(CURLOPT_HTTPGET, 1)
        }
        options.set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        for line in lines {
            // On failure the list stays as it was, and stays ours.
            guard let longer = unsafe curl_slist_append(fieldList, line) else {
                return options.fail(CURLE_OUT_OF_MEMORY)
            }
            unsafe fieldList = longer
        }
        if let bearer = job.credentials.bearer { appendBearer(bearer, &options) }
        unsafe options.note(ccurl_set_headers(easy, fieldList))
    }

    private func setCallbacks(_ options: inout CurlOptions) {
        // Ids start at 1 and have 64 bits: a token, never a pointer that is followed.
        unsafe options.note(ccurl_set_pointer(easy, CURLOPT_PRIVATE, UnsafeRawPointer(bitPattern: UInt(job.id))))
        // SAFETY: libcurl calls these only inside curl_multi_perform, while the loop holds the transfer.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let takeBody: curl_write_callback = { unsafe CurlTransfer.received($0, $1 * $2, $3, CurlTransfer.takeBody) }
        let takeHead: curl_write_callback = { unsafe CurlTransfer.received($0, $1 * $2, $3, CurlTransfer.takeHead) }
        unsafe options.note(ccurl_set_body_callback(easy, takeBody, context))
        unsafe options.note(ccurl_set_header_callback(easy, takeHead, context))
    }

    // MARK: Addresses

    private func setAddresses(_ options: inout CurlOptions) {
        for entry in job.credentials.resolved {
            guard let longer = unsafe curl_slist_append(resolvedList, entry) else { return options.fail(CURLE_OUT_OF_MEMORY) }
            unsafe resolvedList = longer
        }
        if unsafe resolvedList != nil { unsafe options.note(ccurl_set_resolve(easy, resolvedList)) }
        guard job.credentials.addresses != nil else { return }
        // A connection that was made without this guard says nothing of where it leads.
        options.set(CURLOPT_FRESH_CONNECT, 1)
        options.set(CURLOPT_FORBID_REUSE, 1)
        // SAFETY: libcurl calls it only inside curl_multi_perform, while the loop holds the transfer.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let open: curl_opensocket_callback = { unsafe CurlTransfer.open($0, $1, $2) }
        unsafe options.note(ccurl_set_socket_callback(easy, open, context))
    }

    /// Makes the socket for the very address that libcurl is about to connect to, if that may be.
    private static func open(
        _ context: UnsafeMutableRawPointer?, _ purpose: curlsocktype, _ target: UnsafeMutablePointer<curl_sockaddr>?
    ) -> curl_socket_t {
        let refused: curl_socket_t = -1
        guard let context = unsafe context, let target = unsafe target else { return refused }
        let transfer = unsafe Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
        guard let guarding = transfer.job.credentials.addresses else { return refused }
        let address = unsafe withUnsafePointer(to: &target.pointee.addr) { unsafe SocketAddress(copying: $0)?.network }
        // Neither IPv4 nor IPv6: it leads to no other machine that we know of.
        guard let address else {
            transfer.forbidden = .reserved
            return refused
        }
        if case .refused(let kind) = guarding.verdict(on: address) {
            transfer.forbidden = kind
            return refused
        }
        let type = unsafe target.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
        return unsafe socket(target.pointee.family, type, target.pointee.protocol)
    }

    // MARK: Bytes

    /// Answers how many bytes were taken: fewer than came ends the transfer.
    private static func received(
        _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
        _ take: (CurlTransfer) -> (UnsafeRawBufferPointer) -> TransportFailure?
    ) -> Int {
        guard let context = unsafe context else { return 0 }
        let transfer = unsafe Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
        if let breach = unsafe take(transfer)(UnsafeRawBufferPointer(start: bytes, count: count)) {
            transfer.breach = breach
            return 0
        }
        return count
    }

    private func takeBody(_ bytes: UnsafeRawBufferPointer) -> TransportFailure? {
        unsafe body.take(bytes, fields: head.fields)
    }

    private func takeHead(_ bytes: UnsafeRawBufferPointer) -> TransportFailure? {
        guard bytes.count <= Limits.answerHeaderBytes - head.bytes else {
            return .answerTooLarge(limit: Limits.answerHeaderBytes)
        }
        head.take(line: unsafe Array(bytes))
        return nil
    }
}

/// Sets options one after the other and remembers the first that libcurl refused.
@safe private struct CurlOptions {
    // SAFETY: the transfer that made this value owns the handle and outlives it.
    private let easy: UnsafeMutableRawPointer?
    private(set) var firstFailure: CURLcode?

    init(easy: UnsafeMutableRawPointer?) { unsafe self.easy = easy }

    mutating func set(_ option: CURLoption, _ value: Int) { unsafe note(ccurl_set_long(easy, option, value)) }

    mutating func set(_ option: CURLoption, offset value: Int) {
        unsafe note(ccurl_set_offset(easy, option, curl_off_t(value)))
    }

    /// libcurl copies the text.
    mutating func set(_ option: CURLoption, _ value: String) { unsafe note(ccurl_set_string(easy, option, value)) }

    mutating func setNone(_ option: CURLoption) { unsafe note(ccurl_set_pointer(easy, option, nil)) }

    /// libcurl copies the bytes, as many as CURLOPT_POSTFIELDSIZE_LARGE said before.
    mutating func setBody(_ body: [UInt8]) {
        guard !body.isEmpty else { return set(CURLOPT_COPYPOSTFIELDS, "") }
        unsafe body.withUnsafeBytes { bytes in
            unsafe note(ccurl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress))
        }
    }

    mutating func note(_ code: CURLcode) { if code != CURLE_OK { fail(code) } }

    mutating func fail(_ code: CURLcode) { firstFailure = firstFailure ?? code }
}
