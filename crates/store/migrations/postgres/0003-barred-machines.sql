-- Whether a machine is barred is asked at the enrolment of every new host; without an index each
-- of them would read all hosts, and a fleet's first day would cost the square of its size.
create index host_barred on host (machine_key) where reenrollment_blocked;
