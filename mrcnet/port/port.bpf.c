// The egress queue of a switch's port, as an ASIC has it: one program on the clsact hook of every port.
//
// What a frame finds before it is reckoned, not looked up: `free` is the instant at which all that came
// before has left at the port's rate, so the queue is (free - now) long. The same arithmetic stands in
// mrcnet/sim/port.py. The shaper behind this hook (HTB) makes the wait real.
//
// Self-contained, so that the object depends on the compiler alone: scripts/build-bpf.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define FIXED_POINT 20

// The kernel's ABI: the fields of struct __sk_buff up to the last one used.
struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority;
	u32 ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data, data_end;
};

struct bpf_spin_lock {
	u32 val;
};

static void *(*lookup)(void *map, const void *key) = (void *)1;
static u64 (*clock_ns)(void) = (void *)5;
static u32 (*chance)(void) = (void *)7;
static long (*store_bytes)(struct __sk_buff *, u32 at, const void *from, u32 size, u64 flags) = (void *)9;
static long (*change_tail)(struct __sk_buff *, u32 size, u64 flags) = (void *)38;
static long (*load_bytes)(const struct __sk_buff *, u32 at, void *to, u32 size) = (void *)26;
static long (*lock)(struct bpf_spin_lock *) = (void *)93;
static long (*unlock)(struct bpf_spin_lock *) = (void *)94;

enum { NEXT_FILTER = -1, DROP = 2 };
enum { DATA_CLASS = 0x10020, CONTROL_CLASS = 0x10010, SLOW_DATA = 0x10040, SLOW_CONTROL = 0x10030 };
enum { TRAFFIC_CLASS = 14, LENGTH = 18, TARGET = 38, BEFORE_PAYLOAD = 54 };  // where in a frame; outer header

// Written from user space while frames pass: each field is one store. Instants are CLOCK_MONOTONIC ns, an
// `until` of 0 means for ever, thresholds are bytes. A fault is off while its first field is 0.
struct port {
	u64 byte_time;  // wall ns a byte takes, << FIXED_POINT; 0: not shaped
	u64 frame;      // bytes of a full data frame
	u64 ecn_min, ecn_max;
	u64 trim, trim_size, trim_dscp;
	u64 drop, control_drop;
	u64 control, trimmable;  // which DSCPs are of the control class, which may be trimmed: a bit each
	u64 cut;
	u64 blackhole, blackhole_until;
	u64 loss, loss_until;  // share of 2^32
	u64 slow, slow_until;  // byte_time while the port is degraded
	u64 flap, flap_until, flap_start, flap_down;  // period; of each, so long down
};

// Read from user space. Frames, but for `bytes`, `deepest` and `found`, which are bytes, and `free`.
struct counts {
	u64 down, blackhole, loss, tail, control_tail, sent, marked, trimmed;
	u64 bytes, deepest, found;  // `found`: sum of what each frame found before it
	u64 free;                   // when all that the port holds has left
};

struct queue {
	struct bpf_spin_lock guard;  // two CPUs may send on one port
	u64 free, control_free;
};

// Array maps by ifindex, which is unique within a lab. max_entries is set when they are made.
#define ARRAY(name, value_type, flags)             \
	struct {                                   \
		int(*type)[2];                     \
		int(*max_entries)[1];              \
		int(*map_flags)[flags];            \
		u32 *key;                          \
		value_type *value;                 \
	} name SEC(".maps")
#define MMAPABLE 1024

ARRAY(mrcnet_ports, struct port, MMAPABLE);
ARRAY(mrcnet_counts, struct counts, MMAPABLE);
ARRAY(mrcnet_queues, struct queue, 0);  // the kernel maps no lock into user space

static inline void count(u64 *counter) { __sync_fetch_and_add(counter, 1); }

static inline int lasts(u64 until, u64 now) { return until == 0 || now < until; }

// Two bytes: version, traffic class, four bits of the flow label.
static inline u16 with_class(u16 word, u32 class) { return (word & 0xf00f) | class << 4; }

static inline void put16(struct __sk_buff *frame, u32 at, u16 value)
{
	u16 wire = __builtin_bswap16(value);
	store_bytes(frame, at, &wire, sizeof(wire), 0);
}

SEC("tc") int mrcnet_port(struct __sk_buff *frame)
{
	u32 index = frame->ifindex, size = frame->len;
	struct port *port = lookup(&mrcnet_ports, &index);
	struct counts *counts = lookup(&mrcnet_counts, &index);
	u8 *data = (u8 *)(long)frame->data, copy[TARGET + 1 - TRAFFIC_CLASS], *head = data + TRAFFIC_CLASS;
	if (!port || !counts)
		return NEXT_FILTER;
	if (data + TARGET + 1 > (u8 *)(long)frame->data_end) {
		// Of a frame longer than a page a packet socket puts only the Ethernet header in one piece.
		if (load_bytes(frame, TRAFFIC_CLASS, copy, sizeof(copy)))
			return NEXT_FILTER;
		head = copy;
	}
	u16 word = head[0] << 8 | head[1];
	if (head[TARGET - TRAFFIC_CLASS] == 0xff)  // multicast is the kernel's own talk (MLD), not the fabric's
		return NEXT_FILTER;
	if (!(port->byte_time | port->cut | port->blackhole | port->loss | port->slow | port->flap)) {
		count(&counts->sent);
		__sync_fetch_and_add(&counts->bytes, size);
		return NEXT_FILTER;
	}

	u64 now = clock_ns();
	if (port->flap && lasts(port->flap_until, now) && now >= port->flap_start &&
	    (now - port->flap_start) % port->flap < port->flap_down) {
		count(&counts->down);
		return DROP;
	}
	if (port->cut || (port->blackhole && lasts(port->blackhole_until, now))) {
		count(&counts->blackhole);
		return DROP;
	}
	if (port->loss && lasts(port->loss_until, now) && chance() < port->loss) {
		count(&counts->loss);
		return DROP;
	}
	u64 byte_time = port->byte_time;
	int slow = port->slow && lasts(port->slow_until, now);
	if (slow)
		byte_time = port->slow;
	if (!byte_time) {
		count(&counts->sent);
		__sync_fetch_and_add(&counts->bytes, size);
		return NEXT_FILTER;
	}

	u32 class = word >> 4 & 0xff, dscp = class >> 2, ecn = class & 3;
	int urgent = port->control >> dscp & 1, trim = 0, full = 0;
	int trimmable = (port->trimmable >> dscp & 1) && size > port->trim_size;

	struct queue *queue = lookup(&mrcnet_queues, &index);
	if (!queue)
		return NEXT_FILTER;
	lock(&queue->guard);
	u64 work = queue->free > now ? queue->free - now : 0;
	u64 ahead = (work << FIXED_POINT) / byte_time;  // bytes
	if (!urgent && trimmable && ahead > port->trim) {  // spec 6.6: what is trimmed joins control
		urgent = trim = 1;
		size = port->trim_size;
	}
	if (urgent) {
		// Control waits for control before it and for the rest of the data frame on the wire.
		u64 rest = ahead > port->frame && port->frame ? ahead % port->frame : ahead;
		u64 wait = rest * byte_time >> FIXED_POINT;
		if (queue->control_free > now && queue->control_free - now > wait)
			wait = queue->control_free - now;
		if (wait > work)
			wait = work;
		ahead = (wait << FIXED_POINT) / byte_time;
		full = ahead + size > port->control_drop;
		if (!full)
			queue->control_free = now + wait + (size * byte_time >> FIXED_POINT);
	} else {
		full = ahead + size > port->drop;
	}
	if (full) {
		if (urgent)
			counts->control_tail++;
		else
			counts->tail++;
	} else {
		queue->free = now + work + (size * byte_time >> FIXED_POINT);
		counts->free = queue->free;
		counts->sent++;
		counts->bytes += size;
	}
	counts->found += ahead;
	if (ahead > counts->deepest)
		counts->deepest = ahead;
	unlock(&queue->guard);

	if (full)
		return DROP;
	if (trim) {
		if (change_tail(frame, size, 0))
			return DROP;
		put16(frame, TRAFFIC_CLASS, with_class(word, port->trim_dscp << 2 | ecn));
		put16(frame, LENGTH, size - BEFORE_PAYLOAD);  // or the next hop's stack would drop it
		count(&counts->trimmed);
	} else if (!urgent && ahead > port->ecn_min && (ecn == 1 || ecn == 2) &&
		   (u64)chance() * (port->ecn_max - port->ecn_min) >> 32 < ahead - port->ecn_min) {
		put16(frame, TRAFFIC_CLASS, with_class(word, class | 3));  // spec 5.9: the ramp
		count(&counts->marked);
	}
	if (slow)
		frame->priority = urgent ? SLOW_CONTROL : SLOW_DATA;
	else
		frame->priority = urgent ? CONTROL_CLASS : DATA_CLASS;
	return NEXT_FILTER;
}

char licence[] SEC("license") = "Apache-2.0";
