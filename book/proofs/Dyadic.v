(** Exact numbers m / 2^k (every float64 is one), vectors of them, and what they are as real numbers. *)

Require Import ZArith Reals Lra Lia List.
From Certificates Require Import Duality.
Import ListNotations.

Record dyadic := Dyadic { mantissa : Z; exponent : N }.

Definition power (k : N) : R := IZR (2 ^ Z.of_N k).
Definition value (x : dyadic) : R := (IZR (mantissa x) / power (exponent x))%R.

Definition zero := Dyadic 0 0.
Definition one := Dyadic 1 0.
Definition half := Dyadic 1 1.

Definition lifted (x : dyadic) (k : N) : Z := Z.shiftl (mantissa x) (Z.of_N (k - exponent x)).
Definition plus (x y : dyadic) : dyadic :=
  let k := N.max (exponent x) (exponent y) in Dyadic (lifted x k + lifted y k) k.
Definition times (x y : dyadic) : dyadic := Dyadic (mantissa x * mantissa y) (exponent x + exponent y).
Definition opposite (x : dyadic) : dyadic := Dyadic (- mantissa x) (exponent x).
Definition minus (x y : dyadic) : dyadic := plus x (opposite y).
Definition at_most (x y : dyadic) : bool :=
  let k := N.max (exponent x) (exponent y) in (lifted x k <=? lifted y k)%Z.
Definition positive_part (x : dyadic) : dyadic := Dyadic (Z.max (mantissa x) 0) (exponent x).

Lemma power_positive k : (0 < power k)%R.
Proof. apply IZR_lt, Z.pow_pos_nonneg; lia. Qed.

Lemma power_plus j k : power (j + k) = (power j * power k)%R.
Proof. unfold power. rewrite N2Z.inj_add, Z.pow_add_r, mult_IZR; lia || reflexivity. Qed.

Lemma value_lifted x k : (exponent x <= k)%N -> IZR (lifted x k) = (value x * power k)%R.
Proof.
  intros L. unfold lifted, value. rewrite Z.shiftl_mul_pow2, mult_IZR by lia.
  change (IZR (2 ^ Z.of_N (k - exponent x))) with (power (k - exponent x)).
  replace k with ((k - exponent x) + exponent x)%N at 2 by lia. rewrite power_plus.
  pose proof (power_positive (exponent x)). field. lra.
Qed.

Lemma value_plus x y : value (plus x y) = (value x + value y)%R.
Proof.
  unfold plus. set (k := N.max _ _). unfold value at 1. simpl.
  rewrite plus_IZR, !value_lifted by (unfold k; lia).
  pose proof (power_positive k). field. lra.
Qed.

Lemma value_times x y : value (times x y) = (value x * value y)%R.
Proof.
  unfold value, times. simpl. rewrite mult_IZR, power_plus.
  pose proof (power_positive (exponent x)). pose proof (power_positive (exponent y)). field. lra.
Qed.

Lemma value_opposite x : value (opposite x) = (- value x)%R.
Proof. unfold value, opposite. simpl. rewrite opp_IZR. field. pose proof (power_positive (exponent x)). lra. Qed.

Lemma value_minus x y : value (minus x y) = (value x - value y)%R.
Proof. unfold minus. rewrite value_plus, value_opposite. ring. Qed.

Lemma value_zero : value zero = 0%R.
Proof. unfold value, power. simpl. lra. Qed.

Lemma value_one : value one = 1%R.
Proof. unfold value, power. simpl. lra. Qed.

Lemma value_half : value half = (/ 2)%R.
Proof. unfold value, power. simpl. lra. Qed.

Lemma at_most_sound x y : at_most x y = true -> (value x <= value y)%R.
Proof.
  unfold at_most. set (k := N.max _ _). intros H. apply Z.leb_le, IZR_le in H.
  rewrite !value_lifted in H by (unfold k; lia). pose proof (power_positive k). nra.
Qed.

Lemma at_most_fails x y : at_most x y = false -> (value y < value x)%R.
Proof.
  unfold at_most. set (k := N.max _ _). intros H. apply Z.leb_gt, IZR_lt in H.
  rewrite !value_lifted in H by (unfold k; lia). pose proof (power_positive k). nra.
Qed.

Lemma value_positive_part x : value (positive_part x) = relu (value x).
Proof.
  unfold value, relu, positive_part. simpl. pose proof (power_positive (exponent x)) as P.
  unfold Rmax. destruct (Rle_dec _ _) as [L|L].
  - rewrite Z.max_r; [lra|]. apply le_IZR. apply Rmult_le_reg_r with (/ power (exponent x))%R.
    + now apply Rinv_0_lt_compat.
    + unfold Rdiv in L. lra.
  - rewrite Z.max_l; [reflexivity|]. apply le_IZR. apply Rmult_le_reg_r with (/ power (exponent x))%R.
    + now apply Rinv_0_lt_compat.
    + unfold Rdiv in L. lra.
Qed.

(** Vectors. *)
Definition values : list dyadic -> list R := map value.

Fixpoint dotted (x y : list dyadic) : dyadic :=
  match x, y with a :: x', b :: y' => plus (times a b) (dotted x' y') | _, _ => zero end.

Fixpoint added (x y : list dyadic) : list dyadic :=
  match x, y with a :: x', b :: y' => plus a b :: added x' y' | _, _ => [] end.

Definition scaled (a : dyadic) : list dyadic -> list dyadic := map (times a).

Lemma value_dotted x : forall y, value (dotted x y) = dot (values x) (values y).
Proof.
  induction x; intros [|b y]; simpl; try apply value_zero. rewrite value_plus, value_times, IHx. reflexivity.
Qed.

Lemma values_added x : forall y, values (added x y) = add (values x) (values y).
Proof. induction x; intros [|b y]; simpl; auto. rewrite value_plus. f_equal. apply IHx. Qed.

Lemma values_scaled a x : values (scaled a x) = scale (value a) (values x).
Proof. unfold values, scaled, scale. rewrite !map_map. apply map_ext, value_times. Qed.

Lemma values_repeat n : values (repeat zero n) = repeat 0%R n.
Proof. induction n; simpl; [reflexivity|]. now rewrite value_zero, <- IHn. Qed.
