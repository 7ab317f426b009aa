(** Exact elimination: a symmetric matrix is positive semidefinite; lam^2 I - G'G is, so sigma_1(G) <= lam. *)

Require Import ZArith Reals Lra Lia List Bool.
From Certificates Require Import Duality Dyadic Cones.
Import ListNotations.

(** The rows of an upper triangle, from the diagonal on. *)
Definition triangle := list (list dyadic).

(** p T - g g', row by row. *)
Fixpoint downdated_row (p a : dyadic) (row g : list dyadic) : list dyadic :=
  match row, g with t :: row', b :: g' => minus (times p t) (times a b) :: downdated_row p a row' g' | _, _ => [] end.

Fixpoint downdated (p : dyadic) (T : triangle) (g : list dyadic) : triangle :=
  match T, g with row :: T', a :: g' => downdated_row p a row (a :: g') :: downdated p T' g' | _, _ => [] end.

Definition is_zero (x : dyadic) : bool := at_most x zero && at_most zero x.

(** Elimination without quotients: what a positive pivot leaves is a multiple of the Schur complement. *)
Fixpoint definite (n : nat) (T : triangle) : bool :=
  match n, T with
  | O, [] => true
  | S n', (p :: a) :: T' =>
      if at_most p zero then is_zero p && forallb is_zero a && definite n' T'
      else definite n' (downdated p T' a)
  | _, _ => false
  end.

Fixpoint diagonal (x : dyadic) (n : nat) : triangle :=
  match n with O => [] | S n' => (x :: repeat zero n') :: diagonal x n' end.

Definition spectral_ok (c : nat) (G : list (list dyadic)) (lam : dyadic) : bool :=
  definite c (fold_left (downdated one) G (diagonal (times lam lam) c)).

Open Scope R_scope.

Fixpoint form (T : triangle) (x : list R) : R :=
  match T, x with
  | (p :: a) :: T', b :: x' => value p * b * b + 2 * b * dot (values a) x' + form T' x'
  | _, _ => 0
  end.

Fixpoint shape (n : nat) (T : triangle) : Prop :=
  match n, T with O, [] => True | S n', row :: T' => length row = S n' /\ shape n' T' | _, _ => False end.

Lemma dot_downdated_row p a : forall row g x, length row = length g ->
  dot (values (downdated_row p a row g)) x = value p * dot (values row) x - value a * dot (values g) x.
Proof.
  induction row as [|t row IH]; intros [|b g] x E; simpl in *; try discriminate; try ring.
  destruct x as [|c x]; simpl; try ring. rewrite value_minus, !value_times.
  change (map value (downdated_row p a row g)) with (values (downdated_row p a row g)).
  rewrite IH by lia. unfold values. ring.
Qed.

Lemma length_downdated_row p a : forall row g, length row = length g -> length (downdated_row p a row g) = length row.
Proof. induction row; intros [|b g] E; simpl in *; try discriminate; auto. Qed.

Lemma shape_downdated p n : forall T g, shape n T -> length g = n -> shape n (downdated p T g).
Proof.
  induction n as [|n IH]; intros [|row T] [|a g] S E; simpl in *; try discriminate; try contradiction; auto.
  destruct S as [L S]. split; [|apply IH; auto]. change (match row with
    [] => [] | t :: row' => minus (times p t) (times a a) :: downdated_row p a row' g end)
    with (downdated_row p a row (a :: g)). rewrite length_downdated_row; simpl; lia.
Qed.

Lemma form_downdated p n : forall T g x, shape n T -> length g = n -> length x = n ->
  form (downdated p T g) x = value p * form T x - dot (values g) x * dot (values g) x.
Proof.
  induction n as [|n IH]; intros [|[|t row] T] [|a g] [|b x] S E L;
    simpl in *; try discriminate; try contradiction; try (destruct S; discriminate); try ring.
  destruct S as [K S]. change (map value) with values.
  rewrite dot_downdated_row, value_minus, !value_times, IH by (auto; lia). ring.
Qed.

Lemma shape_diagonal x n : shape n (diagonal x n).
Proof. induction n; simpl; auto. split; auto. now rewrite repeat_length. Qed.

Lemma form_diagonal a n : forall x, length x = n -> form (diagonal a n) x = value a * dot x x.
Proof.
  induction n as [|n IH]; intros [|b x] E; simpl in *; try discriminate; try ring.
  change (map value (repeat zero n)) with (values (repeat zero n)).
  rewrite values_repeat, dot_comm, dot_zeros, IH by lia. ring.
Qed.

Lemma is_zero_sound x : is_zero x = true -> value x = 0.
Proof.
  intros H. apply andb_true_iff in H as [A B]. apply at_most_sound in A, B. rewrite value_zero in *. lra.
Qed.

Lemma zeros_dot a : forallb is_zero a = true -> forall x, dot (values a) x = 0.
Proof.
  induction a as [|b a IH]; intros H [|c x]; simpl in *; auto.
  apply andb_true_iff in H as [Z H]. rewrite is_zero_sound by auto. change (map value a) with (values a).
  rewrite IH by auto. ring.
Qed.

Lemma definite_sound n : forall T x, shape n T -> length x = n -> definite n T = true -> 0 <= form T x.
Proof.
  induction n as [|n IH]; intros [|[|p a] T] [|b x] S L H; simpl in *; try discriminate; try lra.
  destruct S as [K S]. injection K as K. injection L as L. destruct (at_most p zero) eqn:P.
  - rewrite !andb_true_iff in H. destruct H as [[Z A] H].
    rewrite (is_zero_sound p Z), (zeros_dot a A). specialize (IH T x S L H). lra.
  - apply at_most_fails in P. rewrite value_zero in P.
    specialize (IH _ x (shape_downdated p n T a S K) L H).
    rewrite (form_downdated p n) in IH by auto.
    apply Rmult_le_reg_l with (value p); auto.
    pose proof (Rle_0_sqr (value p * b + dot (values a) x)) as Q. unfold Rsqr in Q. nra.
Qed.

(** The squares of the rows' inner products with v. *)
Fixpoint energy (G : list (list dyadic)) (v : list R) : R :=
  match G with g :: G' => dot (values g) v * dot (values g) v + energy G' v | [] => 0 end.

Lemma form_of_rows c v : length v = c -> forall G T, shape c T -> Forall (fun g => length g = c) G ->
  shape c (fold_left (downdated one) G T) /\ form (fold_left (downdated one) G T) v = form T v - energy G v.
Proof.
  intros L. induction G as [|g G IH]; intros T S F; simpl; [split; auto; ring|].
  inversion_clear F. destruct (IH (downdated one T g)) as [A B]; auto using shape_downdated.
  split; auto. rewrite B, (form_downdated one c), value_one by auto. ring.
Qed.

Lemma spectral_bound c G lam v : spectral_ok c G lam = true -> Forall (fun g => length g = c) G -> length v = c ->
  energy G v <= value lam * value lam * dot v v.
Proof.
  intros H F L. destruct (form_of_rows c v L G (diagonal (times lam lam) c)) as [S E]; auto using shape_diagonal.
  pose proof (definite_sound c _ v S L H) as D. rewrite E, form_diagonal, value_times in D by auto. lra.
Qed.

Lemma gain_no_layer G v : forall u k, Forall (fun g => length g = length v) G -> (k + length G <= length u)%nat ->
  gain (map (fun i u => nth i u 0) (seq k (length G))) (map values G) u v
  = dot (skipn k u) (map (fun g => dot (values g) v) G).
Proof.
  induction G as [|g G IH]; intros u k F K; simpl in *; [now rewrite dot_nil|]. inversion_clear F.
  assert (E : skipn k u = nth k u 0 :: skipn (S k) u).
  { clear - K. revert k K. induction u as [|a u IHu]; intros [|k] K; simpl in *; try lia; auto.
    rewrite <- IHu; [reflexivity|lia]. }
  rewrite E. simpl dot. rewrite IH by (auto; lia). reflexivity.
Qed.

Theorem spectral_sound c G lam : 0 < value lam -> Forall (fun g => length g = c) G -> spectral_ok c G lam = true ->
  feasible (no_layer (length G)) (map values G) (value lam) (length G) c.
Proof.
  intros P F H u v U V. unfold no_layer. rewrite gain_no_layer; [|rewrite V; auto|lia].
  pose proof (spectral_bound c G lam v H F V) as B. simpl skipn.
  assert (Q : forall u, 0 <= value lam * value lam * dot u u
                + 2 * value lam * dot u (map (fun g => dot (values g) v) G) + energy G v).
  { clear. induction G as [|g G IH]; intros [|a u]; simpl; try lra.
    - pose proof (dot_self_nonneg u). nra.
    - specialize (IH []). simpl in IH. rewrite ?dot_nil in *. nra.
    - specialize (IH u). pose proof (Rle_0_sqr (value lam * a + dot (values g) v)) as Q. unfold Rsqr in Q. lra. }
  specialize (Q u). apply Rmult_le_reg_l with (2 * value lam); [lra|]. nra.
Qed.
