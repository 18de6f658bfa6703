-- MRC 1.0 for Wireshark and tshark: every packet, under an SRv6 carrier or without one, over UDP 4791 or 4971.
--
-- Put it into the folder that `tshark -G folders` calls "Personal Lua Plugins", or name it once:
-- tshark -X lua_script:mrc.lua -r capture.pcapng -V. Written for Wireshark 4.0 and later.
-- Packets whose opcode is none of MRC's go on to the dissector that had the port before: RoCEv2's.

local mrc = Proto("mrc", "Multipath Reliable Connection")

mrc.prefs.ports = Pref.range("UDP ports", "4791,4971", "Two readings of the standard are about", 65535)
mrc.prefs.low_in_port = Pref.bool("Low half of the EV in the source port", true, "Else in the flow label")
mrc.prefs.trimmed = Pref.uint("DSCP of trimmed packets", 12, "As the switches of the deployment set it")
mrc.prefs.lasthop = Pref.uint("DSCP of packets trimmed at the last hop", 14, "Likewise")
mrc.prefs.icrc = Pref.bool("Check the ICRC", true, "Costs about a tenth of a millisecond a kilobyte")

-- ---- numbers -----------------------------------------------------------------------------------

local OPCODES = {
    [0xC6] = "Write First", [0xC7] = "Write Middle", [0xC8] = "Write Last",
    [0xC9] = "Write Last with Immediate", [0xCA] = "Write Only", [0xCB] = "Write Only with Immediate",
    [0xD1] = "Transport ACK", [0xD8] = "Endpoint Request", [0xD9] = "Endpoint Response",
    [0xDC] = "SACK", [0xDD] = "NACK", [0xDE] = "Reliability Probe",
}
local MARKS = { [0] = "NONE", [1] = "SKIP_ONCE", [2] = "ALWAYS_SKIP", [3] = "reserved" }
local REASONS = {
    [0x01] = "TRIMMED", [0x02] = "TRIMMED_LASTHOP", [0x06] = "NO_BITMAP", [0x07] = "NO_PKT_BUFFER",
    [0x0A] = "NO_RESOURCE", [0x0B] = "PSN_OOR_WINDOW", [0x19] = "UNEXP_EVENT",
}
local OPERATIONS = { [0] = "Port Status Update", [1] = "EV Probe" }
local UNITS = { [0] = "128 ns", [1] = "implementation-defined" }
local ICRC_STATUS = { [0] = "Bad", [1] = "Good", [2] = "Unverified" }
local ENDPOINT_QPN = 2
local PSNS = 0x1000000

-- What may follow a BTH, by opcode. Writes: METH, TSETH if BTH.ts, RETH, ImmDt if the opcode says so, payload.
local BODIES = {
    [0xD1] = { "aeth" }, [0xD8] = { "erth" }, [0xD9] = { "eeth" },
    [0xDC] = { "seth", "cc" }, [0xDD] = { "neth" }, [0xDE] = { "peth" },
}

-- ---- layouts -----------------------------------------------------------------------------------

-- A field: offset, bytes, name, label, base (nil: decimal), mask, words. Types follow from the width.
local HEX, DEC = base.HEX, base.DEC
local LAYOUTS = {
    bth = { "Base Transport Header", 12, {
        { 0, 1, "opcode", "Opcode", HEX, nil, OPCODES },
        { 1, 1, "se", "Solicited event", DEC, 0x80 },
        { 1, 1, "m", "Migration", DEC, 0x40 },
        { 1, 1, "pad", "Pad count", DEC, 0x30 },
        { 1, 1, "tver", "Transport version", DEC, 0x0F },
        { 2, 2, "pkey", "P_Key", HEX },
        { 4, 1, "var_res", "Reserved, variant", HEX },
        { 5, 3, "dqp", "Destination QP", HEX },
        { 8, 1, "ack_req", "Acknowledge request", DEC, 0x80 },
        { 8, 1, "reserved", "Reserved", DEC, 0x40 },
        { 8, 1, "rtx", "Retransmission", DEC, 0x20 },
        { 8, 1, "ts", "TSETH follows", DEC, 0x10 },
        { 8, 1, "inv_res", "Reserved, invariant", DEC, 0x0F },
        { 9, 3, "psn", "PSN", DEC },
    } },
    meth = { "Message Header", 4, {
        { 0, 2, "rqmsn", "Receive queue MSN" },
        { 2, 2, "msn", "Message number" },
    } },
    tseth = { "Timestamp Header", 4, {
        { 0, 2, "timestamp", "Timestamp", HEX },
        { 2, 2, "tsr", "Unit", DEC, 0x8000, UNITS },
        { 2, 2, "reserved", "Reserved", HEX, 0x7FF0 },
        { 2, 2, "ftype", "Type", DEC, 0x000F },
    } },
    reth = { "RDMA Header", 16, {
        { 0, 8, "address", "Virtual address", HEX },
        { 8, 4, "rkey", "R_Key", HEX },
        { 12, 4, "length", "DMA length" },
    } },
    immdt = { "Immediate", 4, { { 0, 4, "immediate", "Immediate", HEX } } },
    aeth = { "ACK Header", 4, {
        { 0, 1, "syndrome", "Syndrome", HEX },
        { 1, 3, "msn", "Message number" },
    } },
    seth = { "SACK Header", 28, {
        { 0, 2, "type", "Type", DEC, 0xF000 },
        { 0, 2, "next", "Next", DEC, 0x0F80 },
        { 0, 2, "m", "Mark of the EV", DEC, 0x0060, MARKS },
        { 0, 2, "reserved1", "Reserved", HEX, 0x001C },
        { 0, 2, "pr", "Answer to a probe", DEC, 0x0002 },
        { 0, 2, "reserved2", "Reserved", HEX, 0x0001 },
        { 2, 2, "ack_psn_offset", "Offset of the PSN that is answered, or probe id", DEC, "signed" },
        { 4, 4, "entropy", "EV that is answered", HEX },
        { 8, 2, "spdcid", "Source context", HEX },
        { 10, 2, "dpdcid", "Destination context", HEX },
        { 12, 1, "reserved3", "Reserved", HEX },
        { 13, 3, "cack_psn", "Cumulative PSN" },
        { 16, 1, "cc_type", "Congestion control type", DEC, 0xF0 },
        { 16, 1, "cc_fl", "Congestion control flags", HEX, 0x0F },
        { 17, 1, "mpr", "Window, in units of 128 PSNs" },
        { 18, 2, "sack_offset", "Offset of the bitmap", DEC, "signed" },
        { 20, 8, "bitmap", "Bitmap", HEX },
    } },
    cc = { "Congestion Control State", 8, {
        { 0, 2, "timestamp", "Timestamp, reflected", HEX },
        { 2, 2, "reserved4", "Reserved", HEX, 0x8000 },
        { 2, 2, "ooo_count", "Packets out of order", DEC, 0x7FFF },
        { 4, 1, "restore_cwnd", "Restore the window", DEC, 0x80 },
        { 4, 1, "rcv_cwnd_pen", "Penalty of the window", DEC, 0x7F },
        { 5, 3, "rcvd_bytes", "Received, in units of 256 bytes" },
    } },
    neth = { "NACK Header", 20, {
        { 0, 2, "type", "Type", DEC, 0xF000 },
        { 0, 2, "next", "Next", DEC, 0x0F80 },
        { 0, 2, "reserved1", "Reserved", HEX, 0x007F },
        { 2, 1, "nack_reason", "Reason", HEX, nil, REASONS },
        { 3, 1, "vendor_info", "Vendor's", HEX },
        { 4, 4, "entropy", "EV that is answered", HEX },
        { 8, 2, "spdcid", "Source context", HEX },
        { 10, 2, "dpdcid", "Destination context", HEX },
        { 12, 1, "reserved2", "Reserved", HEX },
        { 13, 3, "nack_psn", "PSN that is refused" },
        { 16, 1, "cc_type", "Congestion control type", DEC, 0xF0 },
        { 16, 1, "cc_fl", "Congestion control flags", HEX, 0x0F },
        { 17, 1, "reserved3", "Reserved", HEX },
        { 18, 2, "timestamp", "Timestamp, reflected", HEX },
    } },
    peth = { "Probe Header", 16, {
        { 0, 3, "type", "Type", DEC, 0xF00000 },
        { 0, 3, "next", "Next", DEC, 0x0F8000 },
        { 0, 3, "reserved1", "Reserved", HEX, 0x007FFF },
        { 3, 1, "vendor_info", "Vendor's", HEX },
        { 4, 2, "probe_id", "Probe id", HEX },
        { 6, 2, "reserved2", "Reserved", HEX },
        { 8, 2, "spdcid", "Source context", HEX },
        { 10, 2, "dpdcid", "Destination context", HEX },
        { 12, 2, "timestamp", "Timestamp", HEX },
        { 14, 2, "tsr", "Unit", DEC, 0x8000, UNITS },
        { 14, 2, "reserved3", "Reserved", HEX, 0x7FF0 },
        { 14, 2, "ftype", "Type", DEC, 0x000F },
    } },
    erth = { "Endpoint Request Header", 16, {
        { 0, 2, "type", "Type", DEC, 0xF000 },
        { 0, 2, "next", "Next", DEC, 0x0F80 },
        { 0, 2, "reserved1", "Reserved", HEX, 0x007C },
        { 0, 2, "op", "Operation", DEC, 0x0003, OPERATIONS },
        { 2, 1, "reserved2", "Reserved", HEX },
        { 3, 1, "vendor_info", "Vendor's", HEX },
        { 4, 4, "port_status_mask", "Ports that are up", HEX },
        { 8, 4, "reserved3", "Reserved", HEX },
        { 12, 2, "timestamp", "Timestamp", HEX },
        { 14, 2, "tsr", "Unit", DEC, 0x8000, UNITS },
        { 14, 2, "reserved4", "Reserved", HEX, 0x7FF0 },
        { 14, 2, "ftype", "Type", DEC, 0x000F },
    } },
    eeth = { "Endpoint Response Header", 36, {
        { 0, 2, "type", "Type", DEC, 0xF000 },
        { 0, 2, "next", "Next", DEC, 0x0F80 },
        { 0, 2, "reserved1", "Reserved", HEX, 0x0070 },
        { 0, 2, "op", "Operation", DEC, 0x000C, OPERATIONS },
        { 0, 2, "reserved2", "Reserved", HEX, 0x0003 },
        { 2, 2, "reserved3", "Reserved", HEX },
        { 4, 8, "reserved4", "Reserved", HEX },
        { 12, 8, "reserved5", "Reserved", HEX },
        { 20, 8, "reserved6", "Reserved", HEX },
        { 28, 2, "timestamp", "Timestamp, reflected", HEX },
        { 30, 6, "reserved7", "Reserved", HEX },
    } },
}

local TYPES = { ProtoField.uint8, ProtoField.uint16, ProtoField.uint24, ProtoField.uint32 }
local fields = {
    ev = ProtoField.uint32("mrc.ev", "EV", HEX),
    plane = ProtoField.uint8("mrc.plane", "Plane of the EV"),
    uplink = ProtoField.uint16("mrc.uplink", "Uplink of the EV"),
    trimmed = ProtoField.bool("mrc.trimmed", "Trimmed by a switch"),
    answers = ProtoField.uint24("mrc.seth.trigger_psn", "PSN that is answered", DEC),
    base = ProtoField.uint24("mrc.seth.base_psn", "First PSN of the bitmap", DEC),
    probe = ProtoField.uint16("mrc.seth.probe_id", "Probe id", HEX),
    request = ProtoField.uint16("mrc.request_id", "Request id", HEX),
    payload = ProtoField.bytes("mrc.payload", "Payload"),
    length = ProtoField.uint32("mrc.payload_length", "Payload length", DEC),
    pad = ProtoField.bytes("mrc.pad_bytes", "Pad"),
    icrc = ProtoField.uint32("mrc.icrc", "ICRC", HEX),
    status = ProtoField.uint8("mrc.icrc.status", "ICRC status", DEC, ICRC_STATUS),
}
for header, layout in pairs(LAYOUTS) do
    layout.item = ProtoField.none("mrc." .. header, layout[1])
    fields[header] = layout.item
    for _, field in ipairs(layout[3]) do
        local _, size, name, label, shown, mask, words = table.unpack(field, 1, 7)
        local kind = mask == "signed" and ProtoField.int16 or TYPES[size] or ProtoField.uint64
        if mask == "signed" then
            mask = nil
        end
        field.item = kind("mrc." .. header .. "." .. name, label, shown or DEC, words, mask)
        fields[header .. "." .. name] = field.item
    end
end
mrc.fields = fields

-- ---- what can be amiss -------------------------------------------------------------------------

local E = {}
for name, told in pairs({
    short = { "The packet ends before its headers do", expert.group.MALFORMED, expert.severity.ERROR },
    cut = { "The capture does not hold all of the packet", expert.group.UNDECODED, expert.severity.CHAT },
    opcode = { "No opcode of MRC", expert.group.UNDECODED, expert.severity.WARN },
    icrc = { "The ICRC is wrong", expert.group.CHECKSUM, expert.severity.ERROR },
    pkey = { "Not the default partition", expert.group.PROTOCOL, expert.severity.NOTE },
    tver = { "Transport version is not 0", expert.group.PROTOCOL, expert.severity.WARN },
    qpn = { "Endpoint operations go to QP 2, other packets do not", expert.group.PROTOCOL, expert.severity.WARN },
    mark = { "A reserved mark reads as NONE", expert.group.PROTOCOL, expert.severity.WARN },
    reason = { "No reason of MRC", expert.group.PROTOCOL, expert.severity.WARN },
    operation = { "No operation of MRC", expert.group.PROTOCOL, expert.severity.WARN },
    empty = { "A message has a byte at least", expert.group.PROTOCOL, expert.severity.WARN },
    more = { "Bytes behind the last header", expert.group.PROTOCOL, expert.severity.WARN },
    trimmed = { "A switch took the payload off", expert.group.SEQUENCE, expert.severity.NOTE },
}) do
    E[name] = ProtoExpert.new("mrc.expert." .. name, told[1], told[2], told[3])
end
mrc.experts = E

-- ---- what stands outside -----------------------------------------------------------------------

local outside = {}
for name, field in pairs({
    ip6 = "ipv6", ip4 = "ip", label = "ipv6.flow", port = "udp.srcport",
    dscp6 = "ipv6.tclass.dscp", dscp4 = "ip.dsfield.dscp",
}) do
    outside[name] = Field.new(field)
end

local function last(name)
    local found = { outside[name]() }
    return found[#found]
end

-- Whether one of the headers outside bears a DSCP by which switches mark what they trimmed.
local function is_trimmed()
    for _, name in ipairs({ "dscp6", "dscp4" }) do
        for _, one in ipairs({ outside[name]() }) do
            if one.value == mrc.prefs.trimmed or one.value == mrc.prefs.lasthop then
                return true
            end
        end
    end
    return false
end

-- ---- the ICRC ----------------------------------------------------------------------------------

local band, bxor, rshift, tobit = bit.band, bit.bxor, bit.rshift, bit.tobit
local byte, char = string.byte, string.char

-- CRC-32 as of Ethernet, four bytes at a time: TABLES[k][b] is what b brings about with k bytes behind it.
local TABLES = { {}, {}, {}, {} }
for number = 0, 255 do
    local crc = number
    for _ = 1, 8 do
        crc = bxor(rshift(crc, 1), band(crc, 1) == 1 and 0xEDB88320 or 0)
    end
    TABLES[1][number] = crc
end
for row = 2, 4 do
    for number = 0, 255 do
        local before = TABLES[row - 1][number]
        TABLES[row][number] = bxor(rshift(before, 8), TABLES[1][band(before, 0xFF)])
    end
end

local function crc32(text)
    local crc, first, second, third, fourth = tobit(0xFFFFFFFF), TABLES[1], TABLES[2], TABLES[3], TABLES[4]
    local whole = #text - #text % 4
    for at = 1, whole, 4 do
        local a, b, c, d = byte(text, at, at + 3)
        local word = bxor(crc, a + b * 0x100 + c * 0x10000 + d * 0x1000000)
        crc = bxor(
            fourth[band(word, 0xFF)], third[band(rshift(word, 8), 0xFF)],
            second[band(rshift(word, 16), 0xFF)], first[rshift(word, 24)]
        )
    end
    for at = whole + 1, #text do
        crc = bxor(rshift(crc, 8), first[band(bxor(crc, byte(text, at)), 0xFF)])
    end
    return bit.bnot(crc)
end

-- The IP header next to UDP as the ICRC takes it: what may change on the way is all ones. nil if there is none.
local function masked_ip()
    local six, four = last("ip6"), last("ip4")
    if six and (not four or six.offset > four.offset) then
        local raw = six.range:raw(0, 40)
        return "\x6F\xFF\xFF\xFF" .. raw:sub(5, 7) .. "\xFF" .. raw:sub(9, 40)
    elseif four then
        local raw = four.range:raw(0, 20)
        return raw:sub(1, 1) .. "\xFF" .. raw:sub(3, 8) .. "\xFF" .. raw:sub(10, 10) .. "\xFF\xFF" .. raw:sub(13, 20)
    end
end

-- Whether the four bytes at `stop` are what the packet demands; nil if that cannot be told.
local function icrc_holds(tvb, pinfo, stop)
    local ip = masked_ip()
    if not ip then
        return nil
    end
    local function two(number)
        return char(math.floor(number / 0x100) % 0x100, number % 0x100)
    end
    local udp = two(pinfo.src_port) .. two(pinfo.dst_port) .. two(tvb:reported_len() + 8) .. "\xFF\xFF"
    local packet = tvb:raw(0, 4) .. "\xFF" .. tvb:raw(5, stop - 5)
    local found = crc32(("\xFF"):rep(8) .. ip .. udp .. packet)
    return tobit(tvb(stop, 4):le_uint()) == found
end

-- ---- packets -----------------------------------------------------------------------------------

-- A packet while it is read: where the next header begins, and where the captured and the true bytes end.
local Packet = {}
Packet.__index = Packet

-- Take a header in: its tree item, or nil and a remark if it is not all there.
function Packet:header(name)
    local layout = LAYOUTS[name]
    local at, size = self.at, layout[2]
    if at + size > self.held then
        self:remark(at + size > self.stop and not self.trimmed and "short" or "cut")
        return nil
    end
    local tree = self.tree:add(layout.item, self.tvb(at, size))
    for _, field in ipairs(layout[3]) do
        tree:add(field.item, self.tvb(at + field[1], field[2]))
    end
    self.at = at + size
    return tree
end

function Packet:remark(name, tree)
    (tree or self.tree):add_proto_expert_info(E[name])
end

function Packet:uint(at, size)
    return self.tvb(at, size):uint()
end

local function generated(tree, field, value, range)
    local item = range and tree:add(field, range, value) or tree:add(field, value)
    item:set_generated()
end

local function bth(self)
    local tree = self:header("bth")
    local opcode, second, flags = self:uint(0, 1), self:uint(1, 1), self:uint(8, 1)
    self.opcode, self.pad, self.stamped = opcode, band(rshift(second, 4), 3), band(flags, 0x10) ~= 0
    self.dqp, self.psn, self.rtx = self:uint(5, 3), self:uint(9, 3), band(flags, 0x20) ~= 0
    tree:append_text((": %s, QP 0x%x, PSN %d"):format(OPCODES[opcode] or "unknown", self.dqp, self.psn))
    if band(second, 0x0F) ~= 0 then
        self:remark("tver", tree)
    end
    if band(self:uint(2, 2), 0x7FFF) ~= 0x7FFF then
        self:remark("pkey", tree)
    end
    if (self.dqp == ENDPOINT_QPN) ~= (opcode == 0xD8 or opcode == 0xD9) then
        self:remark("qpn", tree)
    end
end

-- What a control packet says, beyond its fields; the words of it for the list of packets.
local TELL = {}

function TELL.aeth(self, tree, at)
    return (" PSN %d MSN %d"):format(self.psn, self:uint(at + 1, 3))
end

function TELL.seth(self, tree, at)
    local bits, cack = self:uint(at, 2), self:uint(at + 13, 3)
    local mark = band(rshift(bits, 5), 3)
    generated(tree, fields.base, (cack + self.tvb(at + 18, 2):int()) % PSNS)
    local words = (" up to PSN %d"):format(cack)
    if band(bits, 2) ~= 0 then
        generated(tree, fields.probe, self:uint(at + 2, 2), self.tvb(at + 2, 2))
        words = words .. (" answers probe 0x%x"):format(self:uint(at + 2, 2))
    else
        generated(tree, fields.answers, (cack + self.tvb(at + 2, 2):int()) % PSNS)
    end
    if mark == 3 then
        self:remark("mark", tree)
    end
    return words .. (mark == 0 and "" or " " .. MARKS[mark])
end

function TELL.neth(self, tree, at)
    local reason = self:uint(at + 2, 1)
    if not REASONS[reason] then
        self:remark("reason", tree)
    end
    return (" PSN %d %s"):format(self:uint(at + 13, 3), REASONS[reason] or ("reason 0x%x"):format(reason))
end

function TELL.peth(self, tree, at)
    return (" id 0x%x"):format(self:uint(at + 4, 2))
end

local function operation(self, tree, op)
    generated(tree, fields.request, self.psn % 0x10000)
    if not OPERATIONS[op] then
        self:remark("operation", tree)
    end
    return (" %s id 0x%x"):format(OPERATIONS[op] or "unknown", self.psn % 0x10000)
end

function TELL.erth(self, tree, at)
    local words = operation(self, tree, band(self:uint(at + 1, 1), 3))
    return words .. (" ports 0x%x"):format(self:uint(at + 4, 4))
end

function TELL.eeth(self, tree, at)
    return operation(self, tree, band(rshift(self:uint(at + 1, 1), 2), 3))
end

local function control(self)
    local words = ""
    for _, name in ipairs(BODIES[self.opcode]) do
        local at = self.at
        local tree = self:header(name)
        if not tree then
            return words
        end
        words = words .. (TELL[name] and TELL[name](self, tree, at) or "")
    end
    if self.at < self.stop and not self.trimmed then
        self:remark("more")
    end
    return words
end

local function write(self)
    local at = self.at
    if not self:header("meth") then
        return ""
    end
    local words = (" PSN %d MSN %d"):format(self.psn, self:uint(at + 2, 2))
    if self.stamped and not self:header("tseth") then
        return words
    end
    at = self.at
    local tree = self:header("reth")
    if not tree then
        return words
    end
    if self:uint(at + 12, 4) == 0 then
        self:remark("empty", tree)
    end
    if (self.opcode == 0xC9 or self.opcode == 0xCB) and not self:header("immdt") then
        return words
    end
    local length = self.stop - self.pad - self.at
    if self.trimmed then
        length = self.held - self.at
    elseif length < 0 then
        self:remark("short")
        return words
    else
        generated(self.tree, fields.length, length)
        words = words .. (" %d bytes"):format(length)
    end
    local held = math.min(length, self.held - self.at)
    if held > 0 then
        self.tree:add(fields.payload, self.tvb(self.at, held))
    end
    if held < length then
        self:remark("cut")
    elseif self.pad > 0 and not self.trimmed and self.at + held + self.pad <= self.held then
        self.tree:add(fields.pad, self.tvb(self.at + held, self.pad))
    end
    return words
end

local function check_icrc(self, pinfo)
    if self.trimmed or self.whole > self.tvb:captured_len() then
        return
    end
    local range = self.tvb(self.stop, 4)
    local item = self.tree:add(fields.icrc, range)
    local holds
    if mrc.prefs.icrc then
        holds = icrc_holds(self.tvb, pinfo, self.stop)
    end
    generated(self.tree, fields.status, holds == nil and 2 or holds and 1 or 0, range)
    if holds == false then
        self:remark("icrc", item)
    end
end

local function entropy(self)
    local label, port = last("label"), last("port")
    if not port then
        return
    end
    local low, high = port.value, label and label.value % 0x10000 or 0
    if not mrc.prefs.low_in_port then
        low, high = high, low
    end
    generated(self.tree, fields.ev, high * 0x10000 + low)
    generated(self.tree, fields.plane, high % 0x100)
    generated(self.tree, fields.uplink, low)
end

local before = DissectorTable.get("udp.port"):get_dissector(4791) -- who has the other opcodes

function mrc.dissector(tvb, pinfo, tree)
    if before and tvb:captured_len() > 0 and band(tvb(0, 1):uint(), 0xE0) ~= 0xC0 then
        local read, used = pcall(before.call, before, tvb, pinfo, tree)
        if not read then -- an error in there would count as one of this script
            tree:add_proto_expert_info(E.short)
        end
        return read and used or tvb:captured_len()
    end
    pinfo.cols.protocol = "MRC"
    local whole = tvb:reported_len()
    local self = setmetatable({ tvb = tvb, at = 0, whole = whole, trimmed = is_trimmed() }, Packet)
    self.tree = tree:add(mrc, tvb())
    -- A trimmed packet has lost its ICRC, and its lengths may be those from before.
    self.stop = self.trimmed and whole or whole - 4
    self.held = math.min(self.stop, tvb:captured_len())
    if self.held < LAYOUTS.bth[2] then
        self:remark(self.stop < LAYOUTS.bth[2] and "short" or "cut")
        pinfo.cols.info = "MRC, cut short"
        return tvb:captured_len()
    end
    bth(self)
    entropy(self)
    local words = OPCODES[self.opcode] or ("opcode 0x%02x"):format(self.opcode)
    if BODIES[self.opcode] then
        words = words .. control(self)
    elseif OPCODES[self.opcode] then
        words = words .. write(self)
    else
        self:remark("opcode")
    end
    if self.trimmed then
        generated(self.tree, fields.trimmed, true)
        self:remark("trimmed")
    end
    check_icrc(self, pinfo)
    words = ("%s QP 0x%x%s%s"):format(words, self.dqp, self.rtx and " rtx" or "", self.trimmed and " trimmed" or "")
    self.tree:append_text(", " .. words)
    pinfo.cols.info = words
    return tvb:captured_len()
end

DissectorTable.get("udp.port"):add(mrc.prefs.ports, mrc)
