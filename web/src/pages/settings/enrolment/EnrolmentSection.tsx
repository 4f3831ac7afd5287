export function EnrolmentSection() {
  return null;
}
